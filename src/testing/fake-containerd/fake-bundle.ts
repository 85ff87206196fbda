import { constants, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import type { OciSpec } from "../../core/oci/spec.js";
import { createLinuxSys } from "../../core/sys/linux/index.js";

/** Characters of a log that are kept, the last ones. */
const keptLog = 1 << 20;

/** A container's directory as containerd makes it: `config.json`, an empty `rootfs`, and the fifo `log`, which it reads. */
export class FakeBundle {
  readonly path: string;
  /** What the shim has logged so far. */
  log = "";
  readonly #reader: Socket;

  constructor(path: string, spec: OciSpec) {
    this.path = path;
    mkdirSync(join(path, "rootfs"), { recursive: true });
    writeFileSync(join(path, "config.json"), JSON.stringify(spec));
    const fifo = join(path, "log");
    createLinuxSys().fifos.create(fifo, 0o700);
    // Open for both: it has no end when a shim closes it.
    this.#reader = new Socket({ fd: openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK) });
    this.#reader.setEncoding("utf8").on("data", (text: string) => (this.log = (this.log + text).slice(-keptLog)));
    // A test that is over does not wait for it.
    this.#reader.unref();
  }

  /** Removes it, with all that a shim has put there. */
  remove(): void {
    this.#reader.destroy();
    rmSync(this.path, { recursive: true });
  }
}
