import type { BusDevice } from "../bus/bus-device.js";
import { mmioMagic, mmioRegister, mmioVersion } from "./mmio-registers.js";

/** What an empty slot has in its registers; all others are 0, as is DeviceID (virtio 1.2, 4.2.2). */
const emptyRegisters: ReadonlyMap<number, number> = new Map([
  [mmioRegister.magic, mmioMagic],
  [mmioRegister.version, mmioVersion],
]);

/**
 * A place of memory-mapped virtio devices that a guest knows of from its start, whether a device is in it or not. Empty, it
 * says that it is such a place, and DeviceID 0: drivers take that for a placeholder and leave it alone (4.2.3.1.1).
 */
export class MmioSlot implements BusDevice {
  #device: BusDevice | undefined;

  get isEmpty(): boolean {
    return this.#device === undefined;
  }

  /** From now on the device answers. */
  plug(device: BusDevice): void {
    if (this.#device !== undefined) throw new Error("there is a device in this slot already");
    this.#device = device;
  }

  /** From now on nothing reaches the device. */
  unplug(): void {
    this.#device = undefined;
  }

  read(offset: number, into: Uint8Array): void {
    if (this.#device !== undefined) return this.#device.read(offset, into);
    into.fill(0);
    if (into.length !== 4) return;
    new DataView(into.buffer, into.byteOffset, 4).setUint32(0, emptyRegisters.get(offset) ?? 0, true);
  }

  write(offset: number, bytes: Uint8Array): void | Promise<void> {
    return this.#device?.write(offset, bytes);
  }
}
