import { rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { withDeadline } from "../../../core/deadline.js";
import type { Sys } from "../../../core/sys/sys.js";

/**
 * The sockets of one machine in its run directory. They listen before QEMU is there, which inherits them: nobody waits for
 * a socket to appear, and none ever has another mode than 0600.
 */
export class MachineSocketFiles {
  readonly #sys: Sys;
  readonly #directory: string;
  readonly #paths = new Map<string, number | undefined>();

  constructor(sys: Sys, directory: string) {
    this.#sys = sys;
    this.#directory = directory;
  }

  path(name: string): string {
    return join(this.#directory, `${name}.sock`);
  }

  /** Makes a socket and gives its listening descriptor, which stays ours. */
  listen(name: string): number {
    const path = this.path(name);
    this.#paths.set(path, undefined);
    const fd = this.#sys.sockets.listenUnix(path);
    this.#paths.set(path, fd);
    return fd;
  }

  /** Connects to one of them. */
  async connect(name: string): Promise<Socket> {
    const path = this.path(name);
    return withDeadline({ ms: 5000, what: `a connection to ${path}` }, async (signal) => {
      const socket = connect({ path, signal });
      await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
      return socket;
    });
  }

  /** Closes our side of the listening sockets, once QEMU has its own: who connects then hears when QEMU is gone. */
  release(): void {
    for (const [path, fd] of this.#paths) {
      if (fd !== undefined) this.#sys.descriptors.close(fd);
      this.#paths.set(path, undefined);
    }
  }

  /** Removes them all. Idempotent. */
  remove(): void {
    this.release();
    for (const path of this.#paths.keys()) rmSync(path, { force: true });
    this.#paths.clear();
  }
}
