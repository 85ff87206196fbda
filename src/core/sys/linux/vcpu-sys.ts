import type { Descriptors } from "../descriptors.js";
import type { Sys } from "../sys.js";
import { addEventfd } from "./descriptor-io.js";
import { LinuxDevices } from "./devices.js";
import { Libc } from "./libc.js";
import { LinuxThreads } from "./threads.js";

/** What the thread of a vCPU needs of the kernel. */
export interface VcpuSys extends Pick<Sys, "devices" | "threads"> {
  readonly descriptors: Pick<Descriptors, "addEventfd">;
}

/** The kernel, for such a thread: each has a heap of its own, where code that it never runs would only take memory. */
export function createVcpuSys(): VcpuSys {
  const libc = new Libc();
  return {
    devices: new LinuxDevices(libc),
    threads: new LinuxThreads(libc),
    descriptors: { addEventfd: (fd, value) => addEventfd(libc, fd, value) },
  };
}
