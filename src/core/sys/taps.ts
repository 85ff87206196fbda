import type { PathOrFd } from "./path-or-fd.js";

/** Which tap, and how it is opened. */
export interface TapRequest {
  /** 1 to 15 bytes. */
  readonly name: string;
  /** The own one unless told. */
  readonly namespace?: PathOrFd;
  /** Descriptors wanted, one a queue pair; more than one makes it multi-queue. */
  readonly queuePairs: number;
  /** Makes it, and fails with EBUSY when a link has the name; otherwise one that is there is opened. */
  readonly exclusive: boolean;
  /** For a tap that is there: as it was made. Told by the number of queue pairs otherwise. */
  readonly multiQueue?: boolean;
}

/** Which macvtap. */
export interface MacvtapRequest {
  readonly name: string;
  /** Its index, which tells it from another of that name. */
  readonly index: number;
  /** The own one unless told. */
  readonly namespace?: PathOrFd;
  /** Descriptors wanted, one a queue pair. */
  readonly queuePairs: number;
}

/** Taps: links whose other end is a descriptor (Documentation/networking/tuntap.rst). */
export interface Taps {
  /**
   * Opens a tap with frames as virtio has them (`IFF_NO_PI`, `IFF_VNET_HDR`): a descriptor for each queue pair. A tap made
   * here vanishes, with all that hangs on it, when the last of its descriptors is closed, however that comes.
   */
  open(request: TapRequest): number[];

  /** Opens a macvtap that is there: a descriptor for each queue pair, with frames as those of a tap. */
  openMacvtap(request: MacvtapRequest): number[];
}
