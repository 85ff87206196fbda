import type { Logger } from "../../../core/log.js";
import type { DeviceContext } from "../device.js";
import type { Chain, Virtqueue } from "../virtqueue.js";
import { BlockCommands, type Outcome } from "./block-commands.js";
import { movedBytes, parseRequest, requestStatus, statusByte } from "./block-request.js";
import type { Disk } from "./disk.js";
import type { DiskThrottle } from "./disk-limits.js";
import { blockErrors } from "./errors.js";

/** Milliseconds after which limits are asked again, however long they said: timers have an end. */
const mostThrottleMs = 60_000;

/** What requests are served with. */
export interface BlockSessionOptions {
  readonly name: string;
  readonly disk: Disk;
  readonly serial: string;
  readonly log: Logger;
  /** The most requests under way at once. */
  readonly inFlight: number;
  /** Of the disk. */
  readonly sectors: number;
  /** The most bytes of one request. */
  readonly bytesMax: number;
  /** What it may do; the disk's, which outlives its driver. */
  readonly throttle?: Pick<DiskThrottle, "admit">;
}

/**
 * The requests of one driver, from its start to its reset: taken from all queues, given back in the order in which they end.
 * As many as are allowed are under way, the rest stays in the queues.
 */
export class BlockSession {
  readonly #context: DeviceContext;
  readonly #options: BlockSessionOptions;
  readonly #commands: BlockCommands;
  /** Queues that may have more, which is taken when there is room, or after others had their turn. */
  readonly #waiting = new Set<Virtqueue>();
  #underWay = 0;
  #later: NodeJS.Immediate | undefined;
  /** Until the disk may do more. */
  #throttled: NodeJS.Timeout | undefined;
  #stopped = false;
  /** What `stop` waits for. */
  #idle: Promise<void> | undefined;
  #becomeIdle: () => void = () => undefined;

  constructor(context: DeviceContext, options: BlockSessionOptions) {
    this.#context = context;
    this.#options = options;
    this.#commands = new BlockCommands({ ...options, features: context.features });
  }

  notify(index: number): void {
    const queue = this.#context.queues[index];
    if (queue !== undefined && !this.#waiting.has(queue)) this.#take(queue);
  }

  /** Takes nothing more; done when nothing is under way, and nothing is written into the guest's memory any more. */
  stop(): void | Promise<void> {
    this.#end();
    if (this.#underWay === 0) return;
    this.#idle ??= new Promise((resolve) => (this.#becomeIdle = resolve));
    return this.#idle;
  }

  #end(): void {
    this.#stopped = true;
    this.#waiting.clear();
    clearImmediate(this.#later);
    clearTimeout(this.#throttled);
  }

  /** Whether another request may be taken now. */
  get #hasRoom(): boolean {
    return this.#underWay < this.#options.inFlight && this.#throttled === undefined;
  }

  /** Takes what a queue has, as far as there is room, once around it at most. */
  #take(queue: Virtqueue): void {
    if (this.#stopped) return;
    try {
      let answered = false;
      for (let left = queue.size; left > 0 && this.#hasRoom; left--) {
        const chain = queue.pop();
        if (chain === undefined) {
          if (answered) this.#context.interrupt(queue);
          return;
        }
        if (this.#throttle(chain)) queue.unpop();
        else answered = this.#begin(queue, chain) || answered;
      }
      if (answered) this.#context.interrupt(queue);
      this.#waiting.add(queue);
      if (this.#hasRoom) this.#later ??= setImmediate(() => this.#resume());
    } catch (error) {
      this.#fail(error);
    }
  }

  #resume(): void {
    this.#later = undefined;
    const waiting = Array.from(this.#waiting);
    this.#waiting.clear();
    for (const queue of waiting) this.#take(queue);
  }

  /** Whether a request must wait for the disk's limits, as all after it must then. */
  #throttle(chain: Chain): boolean {
    const { throttle, bytesMax } = this.#options;
    // One that asks for more is refused, and owes no more.
    const wait = throttle?.admit(Math.min(movedBytes(chain), bytesMax)) ?? 0;
    if (wait === 0) return false;
    this.#throttled = setTimeout(
      () => {
        this.#throttled = undefined;
        this.#resume();
      },
      Math.min(Math.ceil(wait), mostThrottleMs),
    );
    return true;
  }

  /** Whether the request was answered at once. */
  #begin(queue: Virtqueue, chain: Chain): boolean {
    const status = statusByte(chain);
    if (status === undefined) throw blockErrors.KATA_VMM_BLOCK_REQUEST({ disk: this.#options.name });
    const request = parseRequest(chain);
    const outcome = request === undefined ? { status: requestStatus.failed, filled: 0 } : this.#commands.run(request);
    if (!(outcome instanceof Promise)) {
      answer(queue, chain, status, outcome);
      return true;
    }
    this.#underWay++;
    void outcome.then(
      (ended) => this.#finish(queue, chain, status, ended),
      (error: unknown) => this.#finish(queue, chain, status, this.#commands.refused(error)),
    );
    return false;
  }

  #finish(queue: Virtqueue, chain: Chain, status: Uint8Array, outcome: Outcome): void {
    this.#underWay--;
    if (this.#stopped) {
      if (this.#underWay === 0) this.#becomeIdle();
      return;
    }
    answer(queue, chain, status, outcome);
    this.#context.interrupt(queue);
    if (this.#later === undefined && this.#throttled === undefined) this.#resume();
  }

  #fail(error: unknown): void {
    this.#end();
    this.#context.fail(error);
  }
}

/** The status is the last byte of the buffer, so all of it is written when the rest is. */
function answer(queue: Virtqueue, chain: Chain, status: Uint8Array, outcome: Outcome): void {
  status[0] = outcome.status;
  queue.push(chain, outcome.filled + 1);
}
