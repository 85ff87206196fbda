import type { Server } from "node:net";
import type { ShimName, ShimRoots } from "./layout.js";

/** What `start` leaves to the daemon that it becomes. */
export interface Handover {
  readonly roots: ShimRoots;
  readonly name: ShimName;
  /** Listens already; its connections wait to be taken. */
  readonly server: Server;
  readonly socket: string;
  /** Bundle of the first container, whose `log` the shim writes to. */
  readonly bundle: string;
  readonly debug: boolean;
  /** containerd's ttrpc socket, for events; empty when there is none. */
  readonly eventsAddress: string;
  /** Imports a plugin package: code out of a cache cannot import by itself. */
  readonly importer: (url: string) => Promise<unknown>;
}
