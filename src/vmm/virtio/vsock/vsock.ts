import type { Logger } from "../../../core/log.js";
import type { DeviceSaving } from "../../snapshot/device-saving.js";
import type { DeviceContext, VirtioDevice } from "../device.js";
import { gather, lengthOf, scatter } from "../pieces.js";
import { Turns } from "../turns.js";
import type { Chain, Virtqueue } from "../virtqueue.js";
import { vsockDeviceErrors } from "./errors.js";
import { decodeHeader, encodeHeader, headerBytes } from "./header.js";
import { packetBytes, type VsockLimits, vsockLimits } from "./limits.js";
import { VsockMuxer } from "./muxer.js";

/** Queues of the device (virtio 1.2, 5.10.2). */
const queue = { toGuest: 0, fromGuest: 1, events: 2 } as const;

/** The one event that there is: all connections are gone, as for a guest that has been moved (5.10.6.7). 32 bits, all 0. */
const transportReset = new Uint8Array(4);

/** Packets of one direction in one turn. */
const perTurn = 64;

/** How a vsock device is made. */
export interface VsockOptions {
  /** Absolute path of the Unix socket for host's programs, made here with mode 0600 and removed at the end; `VsockMuxer`. */
  readonly path: string;
  /** The guest's context: 3 or more. */
  readonly cid: number;
  readonly log: Logger;
  readonly limits?: VsockLimits;
}

/** Virtio's socket device (virtio 1.2, 5.10), streams only, whose other end is Unix sockets of the host: `VsockMuxer`. */
export class VsockDevice implements VirtioDevice {
  readonly kind = 19;
  readonly name = "vsock";
  readonly features = 0n;
  readonly queueSizes = [256, 256, 64];
  readonly configuration = Buffer.alloc(8);
  /** Connections are not saved: their other ends are programs of a host. */
  readonly saving: DeviceSaving = {
    save: () => ({}),
    restore: () => {
      this.#reset = "to tell";
      this.#tellReset();
    },
  };
  readonly #muxer: VsockMuxer;
  readonly #header = Buffer.alloc(headerBytes);
  readonly #toGuest = new Turns(
    () => this.#send(),
    (error) => this.#fail(error),
  );
  readonly #fromGuest = new Turns(
    () => this.#receive(),
    (error) => this.#fail(error),
  );
  #context: DeviceContext | undefined;
  /** Whether packets of the guest's are left in their queue until it has taken what it was answered. */
  #deaf = false;
  /**
   * Whether the guest has to be told that its connections are gone, or was told and has not dealt with that yet: it gets
   * nothing else meanwhile, for it would end new connections with the old ones.
   */
  #reset: "to tell" | "told" | undefined;
  /** Buffers for events that were available besides the one with the reset. */
  #eventBuffers = 0;
  /** Whether packets of the guest's are being taken: it is answered after that, all at once. */
  #receiving = false;

  private constructor({ path, cid, log, limits = vsockLimits }: VsockOptions) {
    if (!Number.isInteger(cid) || cid < 3 || cid >= 0xffffffff) throw vsockDeviceErrors.KATA_VMM_VSOCK_CID({ cid });
    this.configuration.writeBigUInt64LE(BigInt(cid));
    this.#muxer = new VsockMuxer({ path, cid, limits, log }, () => {
      if (!this.#receiving) this.#toGuest.run();
    });
  }

  /** Makes the device and listens; `KATA_VMM_VSOCK_CID`, or `KATA_RPC_LISTEN` when the path cannot be had. */
  static async create(options: VsockOptions): Promise<VsockDevice> {
    const device = new VsockDevice(options);
    await device.#muxer.listen();
    return device;
  }

  activate(context: DeviceContext): void {
    this.#context = context;
    this.#muxer.start();
  }

  notify(index: number): void {
    if (index === queue.toGuest) this.#toGuest.run();
    else if (index === queue.fromGuest) this.#fromGuest.run();
    else if (index === queue.events) this.#eventsNotified();
  }

  reset(): void {
    this.#context = undefined;
    this.#reset = undefined;
    this.#toGuest.stop();
    this.#fromGuest.stop();
    this.#muxer.stop();
  }

  close(): void {
    this.reset();
    this.#muxer.close();
  }

  #tellReset(): void {
    const events = this.#context?.queues[queue.events];
    const chain = events?.pop();
    if (events === undefined || chain === undefined) return;
    this.#reset = "told";
    this.#eventBuffers = countAvailable(events);
    events.push(chain, scatter(chain.writable, 0, transportReset));
    this.#context?.interrupt(events);
  }

  /** The guest makes the buffer available again once it has dealt with what was in it. */
  #eventsNotified(): void {
    const events = this.#context?.queues[queue.events];
    if (events === undefined || this.#reset === undefined) return;
    if (this.#reset === "to tell") return this.#tellReset();
    if (countAvailable(events) <= this.#eventBuffers) return;
    this.#reset = undefined;
    this.#toGuest.run();
  }

  /** Fills buffers of the guest's with what there is for it. */
  #send(): boolean {
    const rx = this.#context?.queues[queue.toGuest];
    if (rx === undefined || this.#reset === "told") return false;
    let sent = 0;
    for (; sent < perTurn; sent++) if (!this.#sendOne(rx)) break;
    if (sent > 0) this.#context?.interrupt(rx);
    if (this.#deaf && this.#muxer.receptive) this.#fromGuest.run();
    return sent === perTurn;
  }

  #sendOne(rx: Virtqueue): boolean {
    const chain = rx.pop();
    if (chain === undefined) return false;
    const length = lengthOf(chain.writable);
    if (length < headerBytes) throw tooShort(rx, length);
    const packet = this.#muxer.next(length - headerBytes);
    if (packet === undefined) {
      rx.unpop();
      return false;
    }
    encodeHeader(packet.header, this.#header);
    scatter(chain.writable, 0, this.#header);
    if (packet.data !== undefined) scatter(chain.writable, headerBytes, packet.data);
    rx.push(chain, headerBytes + packet.header.length);
    return true;
  }

  /** Takes what the guest sends. */
  #receive(): boolean {
    const tx = this.#context?.queues[queue.fromGuest];
    if (tx === undefined) return false;
    let received = 0;
    this.#receiving = true;
    try {
      while (received < perTurn && this.#muxer.receptive && this.#receiveOne(tx)) received++;
    } finally {
      this.#receiving = false;
    }
    this.#deaf = !this.#muxer.receptive;
    if (received > 0) this.#context?.interrupt(tx);
    this.#toGuest.run();
    return received === perTurn;
  }

  #receiveOne(tx: Virtqueue): boolean {
    const chain = tx.pop();
    if (chain === undefined) return false;
    const length = lengthOf(chain.readable);
    if (length < headerBytes) throw tooShort(tx, length);
    // A copy: the guest may change its own at any time.
    gather(chain.readable, 0, this.#header);
    const header = decodeHeader(this.#header);
    this.#muxer.receive(header, this.#dataOf(chain, Math.min(packetBytes, length - headerBytes), header.length));
    tx.push(chain, 0);
    return true;
  }

  /** A copy of a packet's data; undefined when the packet does not have as much as it says. */
  #dataOf(chain: Chain, most: number, length: number): Uint8Array | undefined {
    if (length > most) return undefined;
    const data = Buffer.allocUnsafe(length);
    gather(chain.readable, headerBytes, data);
    return data;
  }

  #fail(error: unknown): void {
    const context = this.#context;
    this.reset();
    context?.fail(error);
  }
}

/** Buffers that a queue has, none of which is taken; the driver notifies of the next one. */
function countAvailable(events: Virtqueue): number {
  let count = 0;
  while (events.pop() !== undefined) count++;
  for (let left = count; left > 0; left--) events.unpop();
  return count;
}

const tooShort = (queue: Virtqueue, length: number): Error =>
  vsockDeviceErrors.KATA_VMM_VSOCK_BUFFER({ queue: queue.index, length, least: headerBytes });
