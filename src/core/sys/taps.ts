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

/** What the reader of a tap takes unfinished (`TUN_F_*`): frames without a checksum, and longer than the link has them. */
export interface TapOffloads {
  readonly checksum: boolean;
  /** TCP over IPv4, over IPv6, and with ECN's bits; only with `checksum`. */
  readonly tso4: boolean;
  readonly tso6: boolean;
  readonly ecn: boolean;
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

  /** Bytes of virtio-net's header before each frame, either way: 10, or 12 as virtio 1 has it. */
  setHeaderBytes(fd: number, bytes: number): void;

  /** What frames that are read may leave undone; nothing at first. */
  setOffloads(fd: number, offloads: TapOffloads): void;

  /** Whether this queue of a multi-queue tap takes part; frames go to those that do. All do at first. */
  setAttached(fd: number, attached: boolean): void;
}
