import type { FuseServer } from "../../fuse/fuse-server.js";
import type { DeviceContext } from "../device.js";
import type { Chain, Virtqueue } from "../virtqueue.js";

/** The most requests under way at once beside the event loop. */
const inFlight = 64;

/** How many requests are served before others have their turn: each may be a call of the host's file system. */
const turn = 64;

/**
 * The requests of one driver, from its start to its reset. Most are served as they are taken; those that wait for the disk
 * are given back when they are done, in whatever order.
 */
export class FsSession {
  readonly #context: DeviceContext;
  readonly #server: FuseServer;
  /** Queues that may have more. */
  readonly #waiting = new Set<Virtqueue>();
  #underWay = 0;
  #later: NodeJS.Immediate | undefined;
  #stopped = false;
  #idle: Promise<void> | undefined;
  #becomeIdle: () => void = () => undefined;

  constructor(context: DeviceContext, server: FuseServer) {
    this.#context = context;
    this.#server = server;
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
  }

  #take(queue: Virtqueue): void {
    if (this.#stopped) return;
    try {
      for (let left = turn; left > 0 && this.#underWay < inFlight; left--) {
        const chain = queue.pop();
        if (chain === undefined) return this.#context.interrupt(queue);
        this.#serve(queue, chain);
      }
      this.#context.interrupt(queue);
      this.#waiting.add(queue);
      if (this.#underWay < inFlight) this.#later ??= setImmediate(() => this.#resume());
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

  #serve(queue: Virtqueue, chain: Chain): void {
    const written = this.#server.serve(chain.readable, chain.writable);
    if (typeof written === "number") return queue.push(chain, written);
    this.#underWay++;
    void written.then(
      (bytes) => this.#finish(queue, chain, bytes),
      (error: unknown) => {
        this.#underWay--;
        this.#fail(error);
        this.#settle();
      },
    );
  }

  #finish(queue: Virtqueue, chain: Chain, written: number): void {
    this.#underWay--;
    if (this.#stopped) return this.#settle();
    queue.push(chain, written);
    this.#context.interrupt(queue);
    if (this.#later === undefined) this.#resume();
  }

  #settle(): void {
    if (this.#stopped && this.#underWay === 0) this.#becomeIdle();
  }

  #fail(error: unknown): void {
    this.#end();
    this.#context.fail(error);
  }
}
