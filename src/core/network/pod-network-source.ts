import type { LinkInfo } from "../contracts/endpoint.js";
import type { GuestNeighbor, GuestRoute } from "../contracts/guest.js";
import type { LinkWatch } from "../sys/netlink.js";

/** What of a pod's network the guest shall have. */
export interface PodNetworkState {
  readonly links: readonly LinkInfo[];
  readonly routes: readonly GuestRoute[];
  readonly neighbors: readonly GuestNeighbor[];
}

/** Who is told that a source has changed; an error ends it. */
export interface SourceEvents {
  readonly changed: () => void;
  readonly error: (error: Error) => void;
}

/** Where a pod's network is found. Order of calls: `open` → (`read` | `watch`)* → `close`. */
export interface PodNetworkSource {
  /** What it is, for messages: the path of a namespace or of a file. */
  readonly name: string;
  /** Path of the network namespace that the links are in; empty when they are in none. Known after `open`. */
  readonly namespace: string;
  /** Takes hold of it; an error that says what is wrong with it when that is not possible. */
  open(): void;
  /** What it says now. */
  read(): PodNetworkState;
  /** Calls back when it says something else. Absent when it never does. */
  watch?(events: SourceEvents): LinkWatch;
  /** Lets go of it. Idempotent, and no error when it was never opened. */
  close(): void;
}
