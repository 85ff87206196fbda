/** The halves of an address that is written as two registers. */
export type AddressHalf = "low" | "high";

/** The three parts of a queue. */
export type QueuePart = "descriptors" | "driver" | "device";

const parts: readonly QueuePart[] = ["descriptors", "driver", "device"];

/** A queue's setup as plain data. */
export interface SavedQueueSetup {
  readonly size: number;
  readonly ready: boolean;
  /** Both halves of the address of each part, the lower first. */
  readonly addresses: readonly number[];
}

/** What a driver has written of one queue so far. Nothing of it is checked before the device starts. */
export class QueueSetup {
  /** The most entries the device has. */
  readonly sizeMax: number;
  size = 0;
  ready = false;
  readonly #addresses: Record<QueuePart, { low: number; high: number }> = {
    descriptors: { low: 0, high: 0 },
    driver: { low: 0, high: 0 },
    device: { low: 0, high: 0 },
  };

  constructor(sizeMax: number) {
    this.sizeMax = sizeMax;
  }

  setAddress(part: QueuePart, half: AddressHalf, value: number): void {
    this.#addresses[part][half] = value;
  }

  /** Guest-physical. From 2^53 on it is not exact, and no address of memory in any case. */
  address(part: QueuePart): number {
    const { low, high } = this.#addresses[part];
    return high * 2 ** 32 + low;
  }

  save(): SavedQueueSetup {
    const { size, ready } = this;
    return { size, ready, addresses: parts.flatMap((part) => [this.#addresses[part].low, this.#addresses[part].high]) };
  }

  restore({ size, ready, addresses }: SavedQueueSetup): void {
    this.size = size;
    this.ready = ready;
    for (const [index, part] of parts.entries()) {
      this.setAddress(part, "low", addresses[2 * index] ?? 0);
      this.setAddress(part, "high", addresses[2 * index + 1] ?? 0);
    }
  }

  clear(): void {
    this.size = 0;
    this.ready = false;
    for (const address of Object.values(this.#addresses)) address.low = address.high = 0;
  }
}
