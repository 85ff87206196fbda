import type { Connections } from "../../plugins/services/task/config.js";
import type { ShimName, ShimRoots } from "./layout.js";

/** What `start` leaves to the daemon that it becomes. */
export interface Handover {
  readonly roots: ShimRoots;
  readonly name: ShimName;
  readonly connections: Connections;
  readonly socket: string;
  /** Bundle of the first container, whose `log` the shim writes to. */
  readonly bundle: string;
  /** containerd's own socket, as it says it. */
  readonly address: string;
  readonly debug: boolean;
  /** containerd's ttrpc socket, for events; empty when there is none. */
  readonly eventsAddress: string;
  /**
   * There when the sandbox was served by another shim, which was killed: it is taken over first. Then `announce` is called;
   * when that fails `refuse` is, and this process ends and leaves all as it was.
   */
  readonly adopted?: { announce(): void; refuse(error: unknown): void };
  /** Imports a plugin package: code out of a cache cannot import by itself. */
  readonly importer: (url: string) => Promise<unknown>;
}
