import type { DiscardPages } from "../../memory/discard-pages.js";
import type { GuestMemory } from "../../memory/guest-memory.js";
import type { DeviceContext, VirtioDevice } from "../device.js";
import { QueueServer } from "../queue-server.js";
import type { Chain } from "../virtqueue.js";
import { balloonErrors } from "./errors.js";
import { balloonPage, pageRuns } from "./page-runs.js";

/** What a balloon does besides growing and shrinking. */
export interface BalloonOptions {
  /** Gives pages back to the host. */
  readonly discard: DiscardPages;
  /** The guest gives pages back that it does not use (VIRTIO_BALLOON_F_PAGE_REPORTING). */
  readonly reporting: boolean;
  /** A guest that is short of memory takes pages out of the balloon (VIRTIO_BALLOON_F_DEFLATE_ON_OOM). */
  readonly deflateOnOom: boolean;
  /** The guest has said how large the balloon is now, in bytes; that is all there is to it. */
  readonly onResized?: (bytes: number) => void;
}

const feature = { deflateOnOom: 1n << 2n, reporting: 1n << 5n } as const;
/** Offsets in `struct virtio_balloon_config`. */
const field = { pages: 0, actual: 4 } as const;
/** The queue of reports comes after those of statistics and hints, which there are not: queues are counted without gaps. */
const queues = { inflate: 0, deflate: 1, reporting: 2 } as const;

/**
 * Takes memory from the guest and gives it back (virtio 1.2, 5.5). Pages in the balloon are given back to the host; touched by
 * the guest all the same, they are zeros. A page that is none of its memory ends the device.
 */
export class BalloonDevice implements VirtioDevice {
  readonly kind = 5;
  readonly name = "balloon";
  readonly notSaved = "pages of a copy's memory cannot be given back to the host one by one";
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly configuration = new Uint8Array(8);
  readonly #options: BalloonOptions;
  readonly #fields = new DataView(this.configuration.buffer);
  #context: DeviceContext | undefined;
  #servers: readonly (QueueServer | undefined)[] = [];

  constructor(options: BalloonOptions) {
    this.#options = options;
    const { reporting, deflateOnOom } = options;
    this.features = (reporting ? feature.reporting : 0n) | (deflateOnOom ? feature.deflateOnOom : 0n);
    this.queueSizes = reporting ? [128, 128, 32] : [128, 128];
  }

  /** How large the balloon should be, in bytes; the guest gets there in time, or not. `KATA_VMM_BALLOON_TARGET`. */
  get target(): number {
    return this.#fields.getUint32(field.pages, true) * balloonPage;
  }

  set target(bytes: number) {
    const pages = bytes / balloonPage;
    if (!Number.isInteger(pages) || pages < 0 || pages >= 2 ** 32) {
      throw balloonErrors.KATA_VMM_BALLOON_TARGET({ bytes });
    }
    this.#fields.setUint32(field.pages, pages, true);
    this.#context?.configurationChanged();
  }

  /** How large it is by what the guest says, in bytes. */
  get actual(): number {
    return this.#fields.getUint32(field.actual, true) * balloonPage;
  }

  configure(offset: number, bytes: Uint8Array): void {
    if (offset !== field.actual || bytes.length !== 4) return;
    this.configuration.set(bytes, offset);
    this.#options.onResized?.(this.actual);
  }

  activate(context: DeviceContext): void {
    this.#context = context;
    const { memory } = context;
    const serve = new Map<number, (chain: Chain) => number>([
      [queues.inflate, (chain) => this.#inflate(chain)],
      [queues.deflate, (chain) => deflate(memory, chain)],
      [queues.reporting, (chain) => this.#report(memory, chain)],
    ]);
    this.#servers = context.queues.map((queue, index) => {
      const one = serve.get(index);
      return queue === undefined || one === undefined ? undefined : new QueueServer(context, queue, one);
    });
  }

  notify(queue: number): void {
    this.#servers[queue]?.notify();
  }

  reset(): void {
    for (const server of this.#servers) server?.stop();
    this.#servers = [];
    this.#context = undefined;
    this.#fields.setUint32(field.actual, 0, true);
  }

  close(): void {
    this.reset();
  }

  #inflate({ readable }: Chain): number {
    for (const { address, length } of pageRuns(readable)) this.#options.discard(address, length);
    return 0;
  }

  /** A report's buffer is the pages themselves. Nothing is written: they are as good as new when the driver has them back. */
  #report(memory: GuestMemory, { writable }: Chain): number {
    for (const view of writable) {
      const start = memory.addressOf(view);
      const first = Math.ceil(start / balloonPage) * balloonPage;
      const end = Math.floor((start + view.length) / balloonPage) * balloonPage;
      if (end > first) this.#options.discard(first, end - first);
    }
    return 0;
  }
}

/** The pages are the guest's again by being touched; there is nothing to do but to look whether they are. */
function deflate(memory: GuestMemory, { readable }: Chain): number {
  for (const { address, length } of pageRuns(readable)) memory.slice(address, length);
  return 0;
}
