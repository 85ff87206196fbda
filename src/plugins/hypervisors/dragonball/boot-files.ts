import { open } from "node:fs/promises";
import type { Mapping } from "../../../core/sys/devices.js";
import type { Sys } from "../../../core/sys/sys.js";
import type { BootFile } from "../../../vmm/boot/kernel/kernel-image.js";

/**
 * Files that a machine boots from, in memory beside the heap, which is the host's again as soon as they are closed: a kernel
 * on the heap stays in a process that is idle, until something else there wants memory.
 */
export class BootFiles implements Disposable {
  readonly #sys: Pick<Sys, "devices">;
  readonly #mappings: Mapping[] = [];

  constructor(sys: Pick<Sys, "devices">) {
    this.#sys = sys;
  }

  /** Reads a file; errors are those of `node:fs`. Its bytes are zeros once it is closed. */
  async read(path: string): Promise<BootFile> {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size === 0) return { name: path, bytes: new Uint8Array(0) };
      const mapping = this.#sys.devices.map({
        length: size,
        alignment: 2 ** 21,
        write: true,
        shared: false,
        huge: true,
      });
      this.#mappings.push(mapping);
      const { bytes } = mapping;
      let length = 0;
      while (length < bytes.length) {
        const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return { name: path, bytes: bytes.subarray(0, length) };
    } finally {
      await file.close();
    }
  }

  /** Gives all of them back. Idempotent. */
  [Symbol.dispose](): void {
    for (const mapping of this.#mappings.splice(0)) mapping.unmap();
  }
}
