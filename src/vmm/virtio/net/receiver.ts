import type { Descriptors } from "../../../core/sys/descriptors.js";
import { lengthOf, scatter } from "../pieces.js";
import type { Chain, Virtqueue } from "../virtqueue.js";
import { netDeviceErrors } from "./errors.js";
import { bufferCountAt, frameBytes, frameHeaderBytes } from "./frame.js";

/** How the attempt to give the driver a frame ended: it has one, or there is none, or there is no buffer for it. */
export type Receipt = "frame" | "no frame" | "no buffer";

interface Part {
  readonly chain: Chain;
  readonly written: number;
}

/**
 * Frames from a tap into the driver's buffers (virtio 1.2, 5.1.6.4). They are read into a buffer of the driver's itself; what
 * of a frame does not fit goes into further buffers when the driver can merge them, and else the frame is dropped.
 */
export class FrameReceiver {
  readonly #descriptors: Descriptors;
  readonly #fd: number;
  readonly #queue: Virtqueue;
  readonly #mergeable: boolean;
  /** What of the last frame that was read did not fit into its first buffer. */
  readonly #rest = Buffer.allocUnsafe(frameBytes);
  #restEnd = 0;
  #restAt = 0;
  /** Buffers filled with a frame that is still longer. */
  #parts: Part[] = [];
  #dropped = 0;

  constructor(descriptors: Descriptors, fd: number, queue: Virtqueue, mergeable: boolean) {
    this.#descriptors = descriptors;
    this.#fd = fd;
    this.#queue = queue;
    this.#mergeable = mergeable;
  }

  /** Frames that the driver's buffers were too small for. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Gives the driver a frame; throws what the tap's read throws, and `KATA_VMM_NET_BUFFER` for a buffer that is none. */
  receive(): Receipt {
    if (this.#parts.length > 0) return this.#goOn();
    const chain = this.#pop();
    if (chain === undefined) return "no buffer";
    const room = lengthOf(chain.writable);
    const length = this.#descriptors.readVector(this.#fd, [...chain.writable, this.#rest]);
    if (length === undefined || length < frameHeaderBytes) {
      this.#queue.unpop();
      return "no frame";
    }
    if (length > room && !this.#mergeable) {
      this.#queue.unpop();
      this.#dropped++;
      return "frame";
    }
    this.#parts.push({ chain, written: Math.min(length, room) });
    this.#restAt = 0;
    this.#restEnd = Math.max(0, length - room);
    return this.#goOn();
  }

  /** Puts back buffers that are filled with a frame which is still longer; that frame is lost. */
  release(): void {
    if (this.#parts.length === 0) return;
    for (const _ of this.#parts) this.#queue.unpop();
    this.#parts = [];
    this.#restAt = this.#restEnd = 0;
    this.#dropped++;
  }

  /** Fills further buffers with the rest of a frame, until the driver can be given all of them. */
  #goOn(): Receipt {
    while (this.#restAt < this.#restEnd) {
      // When all buffers there can be are here, none will come: the frame is longer than all of them.
      if (this.#parts.length === this.#queue.size) return this.#drop();
      const chain = this.#pop();
      if (chain === undefined) return "no buffer";
      const written = scatter(chain.writable, 0, this.#rest.subarray(this.#restAt, this.#restEnd));
      this.#restAt += written;
      this.#parts.push({ chain, written });
    }
    const count = Buffer.alloc(2);
    count.writeUInt16LE(this.#parts.length);
    scatter(this.#parts[0]?.chain.writable ?? [], bufferCountAt, count);
    this.#pushAll();
    return "frame";
  }

  /** Gives all buffers back with nothing in them, which a driver counts as frames too short. */
  #drop(): Receipt {
    this.#parts = this.#parts.map(({ chain }) => ({ chain, written: 0 }));
    this.#pushAll();
    this.#dropped++;
    return "frame";
  }

  #pushAll(): void {
    const last = this.#parts.length - 1;
    for (const [i, { chain, written }] of this.#parts.entries()) this.#queue.push(chain, written, i < last);
    this.#parts = [];
  }

  #pop(): Chain | undefined {
    const chain = this.#queue.pop();
    if (chain === undefined) return undefined;
    const length = lengthOf(chain.writable);
    if (length >= frameHeaderBytes) return chain;
    throw netDeviceErrors.KATA_VMM_NET_BUFFER({ queue: this.#queue.index, length, least: frameHeaderBytes });
  }
}
