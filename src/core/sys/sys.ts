import type { Descriptors } from "./descriptors.js";
import type { Devices } from "./devices.js";
import type { Fifos } from "./fifos.js";
import type { Files } from "./files.js";
import type { Inodes } from "./inodes.js";
import type { Machine } from "./machine.js";
import type { Mounts } from "./mounts.js";
import type { Namespaces } from "./namespaces.js";
import type { Netlink } from "./netlink.js";
import type { Processes } from "./processes.js";
import type { Sockets } from "./sockets.js";
import type { Taps } from "./taps.js";
import type { Terminals } from "./terminals.js";
import type { Threads } from "./threads.js";
import type { Vsock } from "./vsock.js";

/**
 * The Linux kernel, as far as the runtime needs more of it than Node gives. The only way to it: everything else gets a
 * `Sys` handed in, so that a test can hand in `fakeSys()`.
 *
 * What holds for all of it: a file descriptor is a plain number, close-on-exec, and belongs to whoever the call returned
 * it to, who closes it with `descriptors.close`; a call that "takes" a descriptor owns it from then on, also when it
 * throws. A call the kernel refuses throws `SysError`.
 */
export interface Sys {
  readonly mounts: Mounts;
  readonly files: Files;
  readonly inodes: Inodes;
  readonly namespaces: Namespaces;
  readonly processes: Processes;
  readonly descriptors: Descriptors;
  readonly sockets: Sockets;
  readonly vsock: Vsock;
  readonly netlink: Netlink;
  readonly taps: Taps;
  readonly fifos: Fifos;
  readonly terminals: Terminals;
  readonly devices: Devices;
  readonly machine: Machine;
  readonly threads: Threads;
}

/** The names of the parts of `Sys`. */
export type SysPart = keyof Sys;
