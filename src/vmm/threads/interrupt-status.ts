import { layout } from "../machine/layout.js";
import { acknowledgeReasons, readReasons } from "../virtio/interrupt-word.js";

/** Registers of a memory-mapped virtio device: why it interrupts, and that this was seen (virtio 1.2, 4.2.2). */
const register = { status: 0x60, acknowledge: 0x64 } as const;

/**
 * Why each virtio device interrupts its driver, in memory that the threads share: the one that serves devices sets bits, the
 * vCPUs answer their guest from it and clear bits, without asking that thread. Each interrupt costs two such accesses.
 */
export class InterruptStatus {
  readonly #words: Int32Array;

  constructor(shared: SharedArrayBuffer) {
    this.#words = new Int32Array(shared);
  }

  /** Of one device, by its slot. */
  word(slot: number): Int32Array {
    return this.#words.subarray(slot, slot + 1);
  }

  /** Makes a vCPU's access when it is to one of these registers; false for any other. */
  access(address: number, isWrite: boolean, bytes: Uint8Array): boolean {
    const offset = address - layout.virtio;
    if (offset < 0 || bytes.length !== 4) return false;
    const slot = Math.floor(offset / layout.virtioStride);
    if (slot >= this.#words.length) return false;
    const within = offset % layout.virtioStride;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (!isWrite && within === register.status) {
      view.setUint32(0, readReasons(this.#words, slot), true);
      return true;
    }
    if (!isWrite || within !== register.acknowledge) return false;
    acknowledgeReasons(this.#words, slot, view.getUint32(0, true));
    return true;
  }
}
