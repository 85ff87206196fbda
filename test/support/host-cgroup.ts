import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = "/sys/fs/cgroup";

/** Whether the host's cgroups are of version 2 alone. */
export const hostHasV2 = (): boolean => existsSync(join(root, "cgroup.controllers"));

/** The cgroup of a thread for a controller: its path in the hierarchy, `/a/b`. */
export function cgroupOf(pid: number, tid: number, controller: string): string {
  const lines = readFileSync(`/proc/${pid}/task/${tid}/cgroup`, "utf8").trim().split("\n");
  const line = lines
    .map((one) => one.split(":"))
    .find(([number, names = ""]) => (hostHasV2() ? number === "0" : names.split(",").includes(controller)));
  return line?.slice(2).join(":") ?? "";
}

/** Ids of the threads of a process that run a guest, by the names that QEMU and the machine in the shim give them, in order. */
export function vcpuThreads(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`)
    .map((tid) => ({ tid: Number(tid), name: readFileSync(`/proc/${pid}/task/${tid}/comm`, "utf8").trim() }))
    .map(({ tid, name }) => ({ tid, vcpu: /^(?:CPU (\d+)\/|kata-vcpu(\d+)$)/.exec(name) }))
    .filter(({ vcpu }) => vcpu !== null)
    .sort((a, b) => Number(a.vcpu?.[1] ?? a.vcpu?.[2]) - Number(b.vcpu?.[1] ?? b.vcpu?.[2]))
    .map(({ tid }) => tid);
}

/** CPUs a thread may run on, as the kernel lists them. */
export function cpusAllowed(pid: number, tid: number): string | undefined {
  return /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync(`/proc/${pid}/task/${tid}/status`, "utf8"))?.[1];
}

/** What a cgroup limits, in microseconds of each 100 ms and in bytes; undefined is no limit. */
export interface HostLimitsSeen {
  readonly quota: number | undefined;
  readonly memory: number | undefined;
}

/** The limits of the cgroup at a path, those for threads that run a guest included where these are in one inside. */
export function limitsOfCgroup(path: string): HostLimitsSeen {
  const number = (text: string | undefined) => {
    const value = Number(text);
    return Number.isSafeInteger(value) && value > 0 ? value : undefined;
  };
  const read = (...parts: string[]) => readFileSync(join(root, ...parts), "utf8").trim();
  if (!hostHasV2()) {
    const threads = existsSync(join(root, "cpu", path, "vcpus")) ? join(path, "vcpus") : path;
    const quota = number(read("cpu", threads, "cpu.cfs_quota_us"));
    return { quota, memory: number(read("memory", path, "memory.limit_in_bytes")) };
  }
  const inside = existsSync(join(root, path, "vcpus")) ? join(path, "vcpus") : path;
  const [quota] = read(inside, "cpu.max").split(" ");
  return { quota: number(quota), memory: number(read(path, "memory.max")) };
}
