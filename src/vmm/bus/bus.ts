import type { BusDevice } from "./bus-device.js";

interface Place {
  readonly start: number;
  /** The first address behind it. */
  readonly end: number;
  readonly device: BusDevice;
}

/** Devices by their addresses. Where none is, reads are all ones and writes go nowhere, as on a PC. */
export class Bus {
  #places: readonly Place[] = [];

  /** Places must not overlap. */
  add(start: number, size: number, device: BusDevice): void {
    const end = start + size;
    if (this.#places.some((other) => start < other.end && other.start < end))
      throw new Error(`two devices at 0x${start.toString(16)}`);
    this.#places = [...this.#places, { start, end, device }];
  }

  remove(device: BusDevice): void {
    this.#places = this.#places.filter((place) => place.device !== device);
  }

  read(address: number, into: Uint8Array): void {
    const place = this.#at(address, into.length);
    if (place === undefined) into.fill(0xff);
    else place.device.read(address - place.start, into);
  }

  /** With a promise the processor goes on when it is settled. */
  write(address: number, bytes: Uint8Array): void | Promise<void> {
    const place = this.#at(address, bytes.length);
    return place?.device.write(address - place.start, bytes);
  }

  #at(address: number, length: number): Place | undefined {
    return this.#places.find(({ start, end }) => address >= start && address + length <= end);
  }
}
