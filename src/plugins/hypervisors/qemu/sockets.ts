import { rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { basename, join } from "node:path";
import type { Duplex } from "node:stream";
import { withDeadline } from "../../../core/deadline.js";
import { SocketFamily, SocketType, unixAddress } from "../../../core/sys/socket-address.js";
import type { Sys } from "../../../core/sys/sys.js";
import type { MachineSockets } from "./machine-command.js";

/** A connection over which descriptors can be sent, too. */
export interface DescriptorConnection {
  readonly stream: Duplex;
  readonly send: (bytes: Uint8Array, fd: number) => void;
}

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

  /** Makes those that every machine has, and one for people if it is to have that. */
  listenAll(extra: boolean): MachineSockets {
    const [monitor, console] = [this.listen("qmp"), this.listen("console")];
    return { monitor, console, ...(extra && { extraMonitor: this.listen("extra") }) };
  }

  /** Names of those that were made. */
  get names(): string[] {
    return [...this.#paths.keys()].map((path) => basename(path, ".sock"));
  }

  /** Takes over the sockets of a QEMU that has them already, by their names. */
  adopt(names: readonly string[]): void {
    for (const name of names) this.#paths.set(this.path(name), undefined);
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

  /** Connects to one of them, with a way to send descriptors past the stream. */
  async connectForDescriptors(name: string): Promise<DescriptorConnection> {
    const { sockets, descriptors } = this.#sys;
    const fd = sockets.open({ family: SocketFamily.unix, type: SocketType.stream });
    try {
      // It listens and nobody else connects, so this does not wait.
      sockets.connect(fd, unixAddress(this.path(name)));
      const own = descriptors.duplicate(fd);
      const stream = descriptors.stream(fd);
      stream.once("close", () => descriptors.close(own));
      const send = (bytes: Uint8Array, carried: number): void => {
        const sent = sockets.sendDescriptors(own, bytes, [carried]);
        // So short a line fits whole, unless nobody reads.
        if (sent !== bytes.length) throw new Error(`${name} does not take a line with a descriptor`);
      };
      return { stream, send };
    } catch (error) {
      descriptors.close(fd);
      throw error;
    }
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
