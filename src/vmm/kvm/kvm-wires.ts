import { kvmRequests } from "../../core/kvm/abi.js";
import type { Sys } from "../../core/sys/sys.js";

/** `KVM_IOEVENTFD_FLAG_DATAMATCH`: only a write of that value. */
const matchValue = 1;

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Connects eventfds with a machine of KVM's, from any thread of the process that made it. */
export class KvmWires {
  readonly #devices: Sys["devices"];
  readonly #machine: number;

  /** `machine` is its descriptor, which stays its owner's. */
  constructor(devices: Sys["devices"], machine: number) {
    this.#devices = devices;
    this.#machine = machine;
  }

  /** Has an eventfd raise an interrupt line, for a moment, whenever something is added to it. */
  connectLine(line: number, eventfd: number): void {
    const request = new Uint8Array(32);
    view(request).setUint32(0, eventfd, true);
    view(request).setUint32(4, line, true);
    this.#devices.ioctl(this.#machine, kvmRequests.irqFd, request);
  }

  /** Adds 1 to an eventfd whenever the guest writes four bytes of that value there, instead of an exit. */
  connectWrite(address: number, value: number, eventfd: number): void {
    const request = new Uint8Array(64);
    view(request).setBigUint64(0, BigInt(value), true);
    view(request).setBigUint64(8, BigInt(address), true);
    view(request).setUint32(16, 4, true);
    view(request).setInt32(20, eventfd, true);
    view(request).setUint32(24, matchValue, true);
    this.#devices.ioctl(this.#machine, kvmRequests.ioEventFd, request);
  }
}
