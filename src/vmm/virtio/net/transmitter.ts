import type { Descriptors } from "../../../core/sys/descriptors.js";
import { errnoNameOf } from "../../../core/sys/sys-error.js";
import { lengthOf } from "../pieces.js";
import type { Virtqueue } from "../virtqueue.js";
import { netDeviceErrors } from "./errors.js";
import { frameBytes, frameHeaderBytes } from "./frame.js";

/** How the attempt to send a frame ended: it is gone, or there is none, or the tap takes none now. */
export type Dispatch = "frame" | "no frame" | "tap full";

/**
 * What a tap answers to a frame that it does not take: one that is malformed, as the guest made it, one for a link that is
 * down, and one for which there is no memory. A card would lose it.
 */
const lost = new Set(["EINVAL", "EIO", "ENOBUFS", "ENOMEM", "EMSGSIZE", "ENETDOWN"]);

/** Frames from the driver's buffers to a tap (virtio 1.2, 5.1.6.2). */
export class FrameTransmitter {
  readonly #descriptors: Descriptors;
  readonly #fd: number;
  readonly #queue: Virtqueue;
  #dropped = 0;

  constructor(descriptors: Descriptors, fd: number, queue: Virtqueue) {
    this.#descriptors = descriptors;
    this.#fd = fd;
    this.#queue = queue;
  }

  /** Frames that the tap did not take, or that were too long. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Sends a frame; throws when the tap is gone, and `KATA_VMM_NET_BUFFER` for a buffer without a whole header. */
  transmit(): Dispatch {
    const chain = this.#queue.pop();
    if (chain === undefined) return "no frame";
    const length = lengthOf(chain.readable);
    if (length < frameHeaderBytes) {
      throw netDeviceErrors.KATA_VMM_NET_BUFFER({ queue: this.#queue.index, length, least: frameHeaderBytes });
    }
    if (length > frameBytes) this.#dropped++;
    else if (!this.#write(chain.readable)) {
      this.#queue.unpop();
      return "tap full";
    }
    this.#queue.push(chain, 0);
    return "frame";
  }

  /** False when the tap takes no more now. */
  #write(pieces: readonly Uint8Array[]): boolean {
    try {
      return this.#descriptors.writeVector(this.#fd, pieces) !== undefined;
    } catch (error) {
      if (!lost.has(errnoNameOf(error) ?? "")) throw error;
      this.#dropped++;
      return true;
    }
  }
}
