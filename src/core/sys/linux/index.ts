import type { Sys } from "../sys.js";
import { LinuxDescriptors } from "./descriptors.js";
import { LinuxDevices } from "./devices.js";
import { LinuxFifos } from "./fifos.js";
import { LinuxFiles } from "./files.js";
import { LinuxInodes } from "./inodes.js";
import { Libc } from "./libc.js";
import { LinuxMachine } from "./machine.js";
import { LinuxMounts } from "./mounts.js";
import { LinuxNamespaces } from "./namespaces.js";
import { LinuxNetlink } from "./rtnetlink.js";
import { LinuxProcesses } from "./processes.js";
import { LinuxSockets } from "./sockets.js";
import { LinuxTaps } from "./taps.js";
import { LinuxTerminals } from "./terminals.js";
import { LinuxThreads } from "./threads.js";
import { LinuxVsock } from "./vsock.js";

/** The kernel this process runs on. Costs nothing until the first call that needs the C library loads koffi. */
export function createLinuxSys(): Sys {
  const libc = new Libc();
  const sockets = new LinuxSockets(libc);
  const namespaces = new LinuxNamespaces(libc);
  return {
    mounts: new LinuxMounts(libc),
    files: new LinuxFiles(libc),
    inodes: new LinuxInodes(libc),
    namespaces,
    processes: new LinuxProcesses(libc),
    descriptors: new LinuxDescriptors(libc),
    sockets,
    vsock: new LinuxVsock(libc, sockets),
    netlink: new LinuxNetlink(libc, sockets, namespaces),
    taps: new LinuxTaps(libc, namespaces),
    fifos: new LinuxFifos(libc),
    terminals: new LinuxTerminals(libc),
    devices: new LinuxDevices(libc),
    machine: new LinuxMachine(libc),
    threads: new LinuxThreads(libc),
  };
}
