import { readFileSync } from "node:fs";
import { codeOf } from "../../../core/errors/error.js";
import type { MountEntry } from "../../../core/sys/mountinfo.js";
import type { SandboxMode } from "./command-line.js";

/** What decides how a daemon can be sandboxed. */
export interface SandboxFacts {
  /** `CapEff` of this process. */
  readonly capabilities: bigint;
  /** The limits below `/proc/sys/user` of the kinds that a daemon's namespaces are of; absent where the kernel has none. */
  readonly limits: Readonly<Record<string, number>>;
  /** File system type of `/`; undefined when nothing is mounted there, as in a chroot. */
  readonly rootType: string | undefined;
}

/** A sandbox, and why it is not the better one. */
export interface ChosenSandbox {
  readonly mode: SandboxMode;
  readonly reason?: string;
}

const sysAdmin = 21n;
const kinds = ["mnt", "pid", "net"];

/** Namespaces of its own where they can be made, else a chroot with the reason. */
export function chooseSandbox(facts: SandboxFacts): ChosenSandbox {
  if (((facts.capabilities >> sysAdmin) & 1n) === 0n)
    return { mode: "chroot", reason: "this process has no CAP_SYS_ADMIN, which namespaces need" };
  const none = kinds.find((kind) => facts.limits[kind] === 0);
  if (none !== undefined) return { mode: "chroot", reason: `/proc/sys/user/max_${none}_namespaces is 0` };
  if (facts.rootType === undefined)
    return { mode: "chroot", reason: "this process runs in a chroot, where pivot_root does not work" };
  if (facts.rootType === "rootfs" || facts.rootType === "ramfs")
    return { mode: "chroot", reason: "the host runs from its initramfs, where pivot_root does not work" };
  return { mode: "namespace" };
}

/** Reads the facts of this host. */
export function sandboxFacts(mounts: readonly MountEntry[]): SandboxFacts {
  const status = readFileSync("/proc/self/status", "latin1");
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
  const limits: Record<string, number> = {};
  for (const kind of kinds) {
    const limit = readLimit(`/proc/sys/user/max_${kind}_namespaces`);
    if (limit !== undefined) limits[kind] = limit;
  }
  // Of mounts stacked on `/` the last one is seen.
  const rootType = mounts.filter((mount) => mount.mountPoint === "/").at(-1)?.type;
  return { capabilities: BigInt(`0x${capabilities}`), limits, rootType };
}

function readLimit(path: string): number | undefined {
  try {
    return Number(readFileSync(path, "latin1"));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
