import type { Watch } from "../../core/sys/descriptors.js";
import type { Sys } from "../../core/sys/sys.js";

/** The eventfds of one virtio device to which a driver's notification of a queue is added, one for each queue. */
export class QueueWires {
  /** Eventfds of notifications, by queue. */
  readonly notify: readonly number[];
  readonly #descriptors: Sys["descriptors"];
  readonly #notified: (queue: number) => void;
  readonly #own = new Map<number, Watch>();

  constructor(descriptors: Sys["descriptors"], queues: number, notified: (queue: number) => void) {
    this.#descriptors = descriptors;
    this.#notified = notified;
    this.notify = Array.from({ length: queues }, () => descriptors.eventfd());
    for (const queue of this.notify.keys()) this.#watch(queue);
  }

  /** Notifications of a queue go to somebody else, until `takeBack`. */
  handOver(queue: number): number {
    this.#own.get(queue)?.close();
    this.#own.delete(queue);
    return this.notify[queue] ?? -1;
  }

  /** Takes all queues back. */
  takeBack(): void {
    for (const queue of this.notify.keys()) if (!this.#own.has(queue)) this.#watch(queue);
  }

  close(): void {
    for (const watch of this.#own.values()) watch.close();
    this.#own.clear();
    for (const fd of this.notify) this.#descriptors.close(fd);
  }

  #watch(queue: number): void {
    const fd = this.notify[queue];
    if (fd === undefined) return;
    const watch = this.#descriptors.watch(fd, { readable: true }, () => {
      // The driver waits for an answer, not for its notification to be taken away. It may have added another one before that.
      this.#notified(queue);
      if (this.#descriptors.readEventfd(fd) !== undefined) this.#notified(queue);
    });
    this.#own.set(queue, watch);
  }
}
