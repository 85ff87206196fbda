import type { GuestMemory } from "../memory/guest-memory.js";
import type { DeviceSaving } from "../snapshot/device-saving.js";
import type { Virtqueue } from "./virtqueue.js";

/** Features that every device of ours has (virtio 1.2, 6): the only version, and what saves interrupts. */
export const commonFeatures = {
  /** Indirect descriptors. */
  indirect: 1n << 28n,
  /** `used_event` and `avail_event`. */
  eventIndex: 1n << 29n,
  /** Virtio 1, not the older form. */
  version1: 1n << 32n,
} as const;

/**
 * A queue for somebody who serves it outside of this thread: a daemon, or the kernel. Addresses are guest-physical, and the
 * guest's own: nobody has checked them. The eventfds are the transport's, and open until `reset` has ended.
 */
export interface HandedQueue {
  /** The descriptor table, the available and the used ring (virtio 1.2, 2.7). */
  readonly descriptors: number;
  readonly available: number;
  readonly used: number;
  /** Entries, as the driver has chosen. */
  readonly size: number;
  /** What the driver notifies of is added here. */
  readonly kick: number;
  /** Whatever is added here interrupts the driver. */
  readonly call: number;
}

/** What a device works with from the moment in which its driver is ready. */
export interface DeviceContext {
  readonly memory: GuestMemory;
  /** One for each of the device's queues, in order; undefined for one that the driver has not enabled. */
  readonly queues: readonly (Virtqueue | undefined)[];
  /** The features that the driver has taken. */
  readonly features: bigint;
  /**
   * Gives a queue away, for as long as its driver is there: `queues` has it no more to be used, and `notify` does not tell
   * of it. Undefined for one that the driver has not enabled; absent where the transport cannot. Called by `activate` alone.
   */
  handOver?(queue: number): HandedQueue | undefined;
  /** Interrupts the driver because of a queue, unless the driver wants none now. */
  interrupt(queue: Virtqueue): void;
  /** Tells the driver that the device's configuration has changed. */
  configurationChanged(): void;
  /** Ends the device for something that no driver does: it needs a reset. The reason is logged. */
  fail(error: unknown): void;
}

/**
 * What a virtio device does, whatever it is plugged into. Everything it is given by the guest is hostile: queues check
 * descriptors, the device checks what they hold. Called on one thread, one call at a time.
 *
 * Order of calls: `activate` → `notify`* → `reset`, again and again; `close` at the end.
 */
export interface VirtioDevice {
  /** Virtio's number of the kind (virtio 1.2, 5): 1 net, 2 block, 4 entropy, 5 balloon, 19 vsock, 24 memory, 26 file system. */
  readonly kind: number;
  /** Short and in the logs: `block disk0`. */
  readonly name: string;
  /** What it can, besides `commonFeatures`. */
  readonly features: bigint;
  /** The most entries of each queue, powers of two. */
  readonly queueSizes: readonly number[];
  /** Its configuration as the driver reads it, little-endian; read anew at each access. */
  readonly configuration: Uint8Array;
  /** Whether that stays as it is as long as there is the device; false unless told. */
  readonly fixedConfiguration?: boolean;
  /** The driver writes into the configuration; absent where nothing can be written. What makes no sense is ignored. */
  configure?(offset: number, bytes: Uint8Array): void;
  activate(context: DeviceContext): void;
  /** There may be something in a queue; spurious calls are to be expected. */
  notify(queue: number): void;
  /** Forgets the driver: nothing of the guest's memory is touched when this is done. Idempotent. */
  reset(): void | Promise<void>;
  /** How it is saved; undefined for one that cannot be. */
  readonly saving?: DeviceSaving | undefined;
  /** Why it cannot be saved; absent where that is because somebody outside of this process serves it. */
  readonly notSaved?: string;
  /** Ends it, and gives back what it has of the host. Idempotent. */
  close(): void | Promise<void>;
}
