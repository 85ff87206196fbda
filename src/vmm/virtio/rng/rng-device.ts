import { randomFillSync } from "node:crypto";
import { nothingToSave } from "../../snapshot/device-saving.js";
import type { DeviceContext, VirtioDevice } from "../device.js";
import { QueueServer } from "../queue-server.js";
import type { Chain } from "../virtqueue.js";

/** The most bytes that one buffer gets: a driver asks again, and cannot keep the device at it. */
const requestLimit = 4096;

/** Random numbers of the host for the guest (virtio 1.2, 5.4). What a driver wants read of a buffer is ignored. */
export class RngDevice implements VirtioDevice {
  readonly kind = 4;
  readonly name = "rng";
  readonly features = 0n;
  readonly queueSizes = [64];
  readonly configuration = new Uint8Array(0);
  readonly saving = nothingToSave;
  readonly #fill: (bytes: Uint8Array) => void;
  #server: QueueServer | undefined;

  /** `fill` fills what it is given; from the host's kernel by default. */
  constructor(fill: (bytes: Uint8Array) => void = randomFillSync) {
    this.#fill = fill;
  }

  activate(context: DeviceContext): void {
    const [queue] = context.queues;
    if (queue !== undefined) this.#server = new QueueServer(context, queue, (chain) => this.#serve(chain));
  }

  notify(): void {
    this.#server?.notify();
  }

  reset(): void {
    this.#server?.stop();
    this.#server = undefined;
  }

  close(): void {
    this.reset();
  }

  #serve({ writable }: Chain): number {
    let filled = 0;
    for (const view of writable) {
      const part = view.subarray(0, requestLimit - filled);
      this.#fill(part);
      filled += part.length;
      if (filled === requestLimit) break;
    }
    return filled;
  }
}
