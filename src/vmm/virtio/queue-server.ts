import type { DeviceContext } from "./device.js";
import type { Chain, Virtqueue } from "./virtqueue.js";

/**
 * Serves the buffers of a queue one after another, each at once. After as many as the queue has entries, other devices have
 * their turn before it goes on: a driver that adds buffers without end keeps no other waiting.
 */
export class QueueServer {
  readonly #context: DeviceContext;
  readonly #queue: Virtqueue;
  readonly #serve: (chain: Chain) => number;
  #later: NodeJS.Immediate | undefined;
  #stopped = false;

  /** `serve` gives the number of bytes it has written into a buffer; what it throws ends the device. */
  constructor(context: DeviceContext, queue: Virtqueue, serve: (chain: Chain) => number) {
    this.#context = context;
    this.#queue = queue;
    this.#serve = serve;
  }

  /** There may be something in the queue. */
  notify(): void {
    if (this.#stopped || this.#later !== undefined) return;
    try {
      if (this.#serveSome()) return;
      this.#later = setImmediate(() => {
        this.#later = undefined;
        this.notify();
      });
    } catch (error) {
      this.stop();
      this.#context.fail(error);
    }
  }

  /** Nothing of the guest's memory is touched after this. Idempotent. */
  stop(): void {
    this.#stopped = true;
    clearImmediate(this.#later);
  }

  /** Whether the queue is empty now. */
  #serveSome(): boolean {
    let chain: Chain | undefined;
    for (let left = this.#queue.size; left > 0; left--) {
      chain = this.#queue.pop();
      if (chain === undefined) break;
      this.#queue.push(chain, this.#serve(chain));
    }
    this.#context.interrupt(this.#queue);
    return chain === undefined;
  }
}
