import { kvmRequests } from "../../core/kvm/abi.js";
import type { Sys } from "../../core/sys/sys.js";

/** `KVM_IRQFD_FLAG_DEASSIGN`. */
const lineFlags = { disconnect: 1 } as const;

/** `KVM_IOEVENTFD_FLAG_DATAMATCH`: only a write of that value; `KVM_IOEVENTFD_FLAG_DEASSIGN`. */
const writeFlags = { matchValue: 1, disconnect: 4 } as const;

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Connects eventfds with a machine of KVM's, from any thread of the process that made it. */
export class KvmWires {
  readonly #devices: Sys["devices"];
  readonly #machine: number;
  /** `struct kvm_irq_level`. */
  readonly #level = new Uint8Array(8);

  /** `machine` is its descriptor, which stays its owner's. */
  constructor(devices: Sys["devices"], machine: number) {
    this.#devices = devices;
    this.#machine = machine;
  }

  /**
   * Raises an interrupt line for a moment, and has done so when it returns. It costs two calls, of which an eventfd's needs only
   * one; but KVM has a thread of the kernel raise the lines of eventfds (`irqfd_inject`), which comes later, and costs more.
   */
  pulseLine(line: number): void {
    const fields = view(this.#level);
    fields.setUint32(0, line, true);
    for (const level of [1, 0]) {
      fields.setUint32(4, level, true);
      this.#devices.ioctl(this.#machine, kvmRequests.irqLine, this.#level);
    }
  }

  /** Has an eventfd raise an interrupt line, for a moment, whenever something is added to it. */
  connectLine(line: number, eventfd: number): void {
    this.#line(line, eventfd, 0);
  }

  /** Ends that; when it is done the line is not raised any more. */
  disconnectLine(line: number, eventfd: number): void {
    this.#line(line, eventfd, lineFlags.disconnect);
  }

  /** Adds 1 to an eventfd whenever the guest writes four bytes of that value there, instead of an exit. */
  connectWrite(address: number, value: number, eventfd: number): void {
    this.#write(address, value, eventfd, writeFlags.matchValue);
  }

  /** Ends that: such a write is an exit again. */
  disconnectWrite(address: number, value: number, eventfd: number): void {
    this.#write(address, value, eventfd, writeFlags.matchValue | writeFlags.disconnect);
  }

  #line(line: number, eventfd: number, flags: number): void {
    const request = new Uint8Array(32);
    view(request).setUint32(0, eventfd, true);
    view(request).setUint32(4, line, true);
    view(request).setUint32(8, flags, true);
    this.#devices.ioctl(this.#machine, kvmRequests.irqFd, request);
  }

  #write(address: number, value: number, eventfd: number, flags: number): void {
    const request = new Uint8Array(64);
    view(request).setBigUint64(0, BigInt(value), true);
    view(request).setBigUint64(8, BigInt(address), true);
    view(request).setUint32(16, 4, true);
    view(request).setInt32(20, eventfd, true);
    view(request).setUint32(24, flags, true);
    this.#devices.ioctl(this.#machine, kvmRequests.ioEventFd, request);
  }
}
