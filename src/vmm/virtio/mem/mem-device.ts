import type { DiscardPages } from "../../memory/discard-pages.js";
import { copyFirst, fillWith, lengthOf } from "../chain-bytes.js";
import type { DeviceContext, VirtioDevice } from "../device.js";
import { QueueServer } from "../queue-server.js";
import type { Chain } from "../virtqueue.js";
import { memErrors } from "./errors.js";
import { type BlockRun, MemoryBlocks } from "./memory-blocks.js";

/** Memory that can be plugged. */
export interface MemOptions {
  /** Guest-physical, one region of the guest's memory that nothing else is in. */
  readonly address: number;
  /** Bytes. */
  readonly size: number;
  /** Bytes that are plugged and unplugged at once: a power of two. Linux takes no less than 2 MiB. */
  readonly blockSize: number;
  /** Gives memory back to the host that is unplugged. */
  readonly discard: DiscardPages;
  /** The guest has plugged or unplugged something; bytes that are plugged now. */
  readonly onResized?: (bytes: number) => void;
}

/** Offsets in `struct virtio_mem_config`, of 64 bits each (virtio 1.2, 5.15.4). */
const field = { blockSize: 0, address: 16, regionSize: 24, usableSize: 32, plugged: 40, requested: 48 } as const;
/** Requests and answers (5.15.6). */
const request = { plug: 0, unplug: 1, unplugAll: 2, state: 3 } as const;
const answer = { done: 0, refused: 1, wrong: 3 } as const;
const states = { plugged: 0, unplugged: 1, mixed: 2 } as const;
const requestSize = 24;
const answerSize = 10;

interface Answer {
  readonly kind: number;
  readonly state?: number;
}

/**
 * Memory that the guest plugs and unplugs in blocks, as far as it is asked to (virtio 1.2, 5.15). A reset leaves it as it is,
 * since the guest goes on using it.
 */
export class MemDevice implements VirtioDevice {
  readonly kind = 24;
  readonly name = "mem";
  readonly notSaved = "blocks of a copy's memory cannot be given back to the host one by one";
  readonly features = 0n;
  readonly queueSizes = [128];
  readonly configuration = new Uint8Array(56);
  readonly #options: MemOptions;
  readonly #fields = new DataView(this.configuration.buffer);
  readonly #blocks: MemoryBlocks;
  #context: DeviceContext | undefined;
  #server: QueueServer | undefined;

  /** `KATA_VMM_MEM_REGION` for blocks that are no power of two, or an address or size that is no multiple of them. */
  constructor(options: MemOptions) {
    const { address, size, blockSize } = options;
    const whole = (n: number): boolean => Number.isSafeInteger(n) && n >= 0 && n % blockSize === 0;
    if (
      !(blockSize >= 4096) ||
      !Number.isInteger(Math.log2(blockSize)) ||
      !whole(address) ||
      !whole(size) ||
      size === 0
    ) {
      throw memErrors.KATA_VMM_MEM_REGION({ address, size, blockSize });
    }
    this.#options = options;
    this.#blocks = new MemoryBlocks(size / blockSize);
    this.#set(field.blockSize, blockSize);
    this.#set(field.address, address);
    this.#set(field.regionSize, size);
    this.#set(field.usableSize, size);
  }

  /** How much should be plugged, in bytes; the guest gets there in time, or not. `KATA_VMM_MEM_SIZE`. */
  get requested(): number {
    return Number(this.#fields.getBigUint64(field.requested, true));
  }

  set requested(bytes: number) {
    const { blockSize, size } = this.#options;
    if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > size || bytes % blockSize !== 0) {
      throw memErrors.KATA_VMM_MEM_SIZE({ bytes, blockSize, size });
    }
    this.#set(field.requested, bytes);
    this.#context?.configurationChanged();
  }

  /** How much is plugged, in bytes. */
  get plugged(): number {
    return this.#blocks.plugged * this.#options.blockSize;
  }

  activate(context: DeviceContext): void {
    this.#context = context;
    const [queue] = context.queues;
    if (queue !== undefined) this.#server = new QueueServer(context, queue, (chain) => this.#serve(chain));
  }

  notify(): void {
    this.#server?.notify();
  }

  reset(): void {
    this.#server?.stop();
    this.#server = undefined;
    this.#context = undefined;
  }

  close(): void {
    this.reset();
  }

  #serve({ readable, writable }: Chain): number {
    const asked = copyFirst(readable, requestSize);
    if (asked === undefined || lengthOf(writable) < answerSize) {
      throw memErrors.KATA_VMM_MEM_REQUEST({ given: lengthOf(readable), wanted: lengthOf(writable) });
    }
    const { kind, state = 0 } = this.#answer(new DataView(asked.buffer));
    const bytes = new DataView(new ArrayBuffer(answerSize));
    bytes.setUint16(0, kind, true);
    bytes.setUint16(8, state, true);
    return fillWith(writable, new Uint8Array(bytes.buffer));
  }

  #answer(asked: DataView): Answer {
    const kind = asked.getUint16(0, true);
    if (kind === request.unplugAll) return this.#unplugAll();
    const run = this.#run(asked);
    if (run === undefined) return { kind: answer.wrong };
    switch (kind) {
      case request.plug:
        return this.#plug(run);
      case request.unplug:
        return this.#unplug(run);
      case request.state:
        return { kind: answer.done, state: states[this.#blocks.state(run)] };
      default:
        return { kind: answer.wrong };
    }
  }

  /** The blocks that a request names; undefined when they are not all of the region's. */
  #run(asked: DataView): BlockRun | undefined {
    const { address, blockSize } = this.#options;
    const start = asked.getUint32(8, true) + asked.getUint32(12, true) * 2 ** 32;
    const count = asked.getUint16(16, true);
    const first = (start - address) / blockSize;
    if (count === 0 || !Number.isInteger(first) || first < 0 || count > this.#blocks.count - first) return undefined;
    return { first, count };
  }

  #plug(run: BlockRun): Answer {
    if (this.#blocks.state(run) !== "unplugged") return { kind: answer.wrong };
    if (this.plugged + run.count * this.#options.blockSize > this.requested) return { kind: answer.refused };
    this.#blocks.set(run, true);
    this.#resized();
    return { kind: answer.done };
  }

  #unplug(run: BlockRun): Answer {
    if (this.#blocks.state(run) !== "plugged") return { kind: answer.wrong };
    const { address, blockSize, discard } = this.#options;
    discard(address + run.first * blockSize, run.count * blockSize);
    this.#blocks.set(run, false);
    this.#resized();
    return { kind: answer.done };
  }

  #unplugAll(): Answer {
    if (this.#blocks.plugged > 0) {
      this.#options.discard(this.#options.address, this.#options.size);
      this.#blocks.clear();
      this.#resized();
    }
    return { kind: answer.done };
  }

  #resized(): void {
    this.#set(field.plugged, this.plugged);
    this.#options.onResized?.(this.plugged);
  }

  #set(at: number, value: number): void {
    this.#fields.setBigUint64(at, BigInt(value), true);
  }
}
