import type { Watch } from "../../core/sys/descriptors.js";
import type { Sys } from "../../core/sys/sys.js";
import type { HandedQueue } from "../virtio/device.js";

/**
 * The eventfds of one virtio device: one to which a driver's notification of a queue is added, for each queue, and one for
 * interrupts of each queue that somebody else serves.
 */
export class QueueWires {
  /** Eventfds of notifications, by queue. */
  readonly notify: readonly number[];
  readonly #descriptors: Sys["descriptors"];
  readonly #notified: (queue: number) => void;
  readonly #own = new Map<number, Watch>();
  readonly #calls: { readonly eventfd: number; readonly watch: Watch }[] = [];

  constructor(descriptors: Sys["descriptors"], queues: number, notified: (queue: number) => void) {
    this.#descriptors = descriptors;
    this.#notified = notified;
    this.notify = Array.from({ length: queues }, () => descriptors.eventfd());
    for (const queue of this.notify.keys()) this.#watch(queue);
  }

  /** Notifications of a queue go to somebody else, until `takeBack`; so do interrupts come from there. */
  handOver(queue: number, interrupted: () => void): Pick<HandedQueue, "kick" | "call"> {
    this.#own.get(queue)?.close();
    this.#own.delete(queue);
    const call = this.#descriptors.eventfd();
    const watch = this.#descriptors.watch(call, { readable: true }, () => {
      if (this.#descriptors.readEventfd(call) !== undefined) interrupted();
    });
    this.#calls.push({ eventfd: call, watch });
    return { kick: this.notify[queue] ?? -1, call };
  }

  /** Takes all queues back. */
  takeBack(): void {
    for (const { eventfd, watch } of this.#calls.splice(0)) {
      watch.close();
      this.#descriptors.close(eventfd);
    }
    for (const queue of this.notify.keys()) if (!this.#own.has(queue)) this.#watch(queue);
  }

  close(): void {
    this.takeBack();
    for (const watch of this.#own.values()) watch.close();
    this.#own.clear();
    for (const fd of this.notify) this.#descriptors.close(fd);
  }

  #watch(queue: number): void {
    const fd = this.notify[queue];
    if (fd === undefined) return;
    const watch = this.#descriptors.watch(fd, { readable: true }, () => {
      if (this.#descriptors.readEventfd(fd) !== undefined) this.#notified(queue);
    });
    this.#own.set(queue, watch);
  }
}
