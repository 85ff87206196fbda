import {
  decodeHeader,
  encodeHeader,
  headerBytes,
  operation,
  type PacketHeader,
} from "../../../../../src/vmm/virtio/vsock/header.js";
import type { VsockDevice } from "../../../../../src/vmm/virtio/vsock/vsock.js";
import { type TestContext, testContext } from "../../../../support/vmm/test-queue.js";

export const guestCid = 3;

/** A packet of the device's, as the guest got it. */
export interface Got {
  readonly header: PacketHeader;
  readonly data: Buffer;
}

/** The driver's side of a vsock device: it sends packets as it is told and keeps those it gets. */
export class TestGuest {
  readonly context: TestContext = testContext(3);
  readonly got: Got[] = [];
  readonly #device: VsockDevice;
  readonly #waiters = new Set<() => void>();
  /** Buffers of this many bytes are given back as soon as they are used; 0: none are. */
  refill = 4096;

  constructor(device: VsockDevice) {
    this.#device = device;
    this.context.onInterrupt = (queue) => queueMicrotask(() => this.#interrupted(queue));
    device.activate(this.context);
  }

  /** Gives the device buffers to fill, each in two pieces. */
  give(count: number, bytes = 4096): void {
    for (let i = 0; i < count; i++) {
      const memory = Buffer.alloc(bytes);
      this.context.queues[0]?.add([], [memory.subarray(0, 20), memory.subarray(20)]);
    }
    this.#device.notify(0);
  }

  send(fields: Partial<PacketHeader> & { readonly operation: number }, data: Uint8Array = new Uint8Array(0)): void {
    const header = Buffer.alloc(headerBytes);
    encodeHeader(
      {
        sourceCid: guestCid,
        destinationCid: 2,
        sourcePort: 0,
        destinationPort: 0,
        length: data.length,
        type: 1,
        flags: 0,
        allocated: 65_536,
        forwarded: 0,
        ...fields,
      },
      header,
    );
    this.context.queues[1]?.add(data.length === 0 ? [header] : [header, data]);
    this.#device.notify(1);
  }

  /** Answers in the connection that a packet belongs to. */
  answer(to: PacketHeader, fields: Partial<PacketHeader> & { readonly operation: number }, data?: Uint8Array): void {
    this.send({ sourcePort: to.destinationPort, destinationPort: to.sourcePort, ...fields }, data);
  }

  /** The next packet of an operation, in order; what is of others is passed over. */
  async next(wanted: number): Promise<Got> {
    for (;;) {
      for (let got = this.got.shift(); got !== undefined; got = this.got.shift()) {
        if (got.header.operation === wanted) return got;
      }
      await new Promise<void>((resolve) => this.#waiters.add(resolve));
    }
  }

  /** Accepts the next connection of the host's; gives its request. */
  async accept(credit: Partial<PacketHeader> = {}): Promise<PacketHeader> {
    const { header } = await this.next(operation.request);
    this.answer(header, { operation: operation.response, ...credit });
    return header;
  }

  #interrupted(queue: number): void {
    const { used } = this.context.queues[queue] ?? { used: [] };
    const taken = used.splice(0);
    if (queue !== 0) return;
    for (const { chain, written } of taken) {
      const bytes = Buffer.concat(chain.writable).subarray(0, written);
      this.got.push({ header: decodeHeader(bytes), data: bytes.subarray(headerBytes) });
    }
    if (this.refill > 0) this.give(taken.length, this.refill);
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }
}
