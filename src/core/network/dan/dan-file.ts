import type { CardWish } from "../../contracts/endpoint.js";
import type { GuestAddressing, GuestNeighbor, GuestRoute } from "../../contracts/guest.js";

/** Where the frames of a card go. */
export type DanBackend =
  /** To a program that listens on a socket and speaks vhost-user. */
  | { readonly type: "vhost-user"; readonly socket: string }
  /** To a tap of the host. */
  | { readonly type: "host-tap"; readonly tap: string };

/** The backends there are, by the names they have in a file. */
export const danTypes = ["vhost-user", "host-tap"] as const satisfies readonly DanBackend["type"][];

/** One card of the pod's machine. */
export interface DanDevice {
  /** Name of the interface in the guest. */
  readonly name: string;
  readonly backend: DanBackend;
  readonly card: CardWish;
  readonly addresses: readonly GuestAddressing[];
  /** Bytes. */
  readonly mtu: number;
  readonly type?: string;
  /** `IFF_*`. */
  readonly flags: number;
  readonly routes: readonly GuestRoute[];
  readonly neighbors: readonly GuestNeighbor[];
}

/**
 * What a file of directly attached network (DAN) says: the interfaces of one pod, by whoever has made them, instead of a
 * look at its network namespace. The format is Kata's (`DanConfig` of its runtime-rs, crates/resource/src/network/dan.rs).
 */
export interface DanFile {
  /** Path of the network namespace that taps are in; the pod's when absent. */
  readonly netns?: string;
  readonly devices: readonly DanDevice[];
}
