/** A buffer of the driver's: what the device may read of it, then what it may write. */
export interface Chain {
  /** Index of its first descriptor. */
  readonly head: number;
  /** Views of the guest's memory, in order, none of them empty: a descriptor of no bytes is left out. */
  readonly readable: readonly Uint8Array[];
  readonly writable: readonly Uint8Array[];
}

/**
 * The device's side of a split virtqueue (virtio 1.2, 2.7). What no driver does is `KATA_VMM_QUEUE`, and ends the device:
 * a chain that loops or is longer than the queue, a descriptor outside of the guest's memory or of the table, writable ones
 * before readable ones, indirect tables in indirect tables or of a size that is none, more buffers than there are entries.
 * After one the queue is not to be used any more.
 */
export interface Virtqueue {
  readonly index: number;
  /** Entries, a power of two. */
  readonly size: number;
  /** The next buffer that the driver has made available; undefined when there is none, with notifications on again. */
  pop(): Chain | undefined;
  /** Puts the last buffer back that `pop` gave, as if it had not been taken; called again, the one before it. */
  unpop(): void;
  /**
   * Gives a buffer back, `written` bytes of whose writable part were filled. With `more` the driver does not see it before
   * the next one that is pushed without: what is in several buffers, as a frame may be, is seen whole or not at all.
   */
  push(chain: Chain, written: number, more?: boolean): void;
  /** Whether the driver wants to be interrupted for what was pushed since this was last asked. */
  takeInterrupt(): boolean;
}
