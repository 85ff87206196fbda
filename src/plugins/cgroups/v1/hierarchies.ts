import { resolve } from "node:path";
import { MountedTree } from "../../../core/cgroup/mounted-tree.js";
import type { CgroupTree } from "../../../core/cgroup/tree.js";
import { type MountEntry, mountsBelow } from "../../../core/sys/mountinfo.js";
import type { Sys } from "../../../core/sys/sys.js";

/** The controllers that limits, and the placing of threads, need. The others, and those of a name alone, are left alone. */
const wanted = ["cpu", "cpuacct", "cpuset", "memory", "pids", "blkio"] as const;

export type V1Controller = (typeof wanted)[number];

/** A hierarchy and the controllers in it that matter. */
export interface Hierarchy {
  readonly controllers: readonly V1Controller[];
  readonly tree: CgroupTree;
}

/** Hierarchies that have one of the wanted controllers, of the mounts below the root: each once, wherever else it is shown. */
export function findHierarchies(mounts: readonly MountEntry[], root: string): { mount: MountEntry; names: string[] }[] {
  const found = new Map<string, { mount: MountEntry; names: string[] }>();
  for (const mount of mountsBelow(mounts, resolve(root))) {
    if (mount.type !== "cgroup") continue;
    const names = mount.superOptions.filter((option) => wanted.some((one) => one === option));
    const key = names.toSorted().join(",");
    if (key !== "" && !found.has(key)) found.set(key, { mount, names });
  }
  return [...found.values()];
}

/** The same, ready for use; memory first, which is what is accounted before anything else. */
export function openHierarchies(sys: Pick<Sys, "files" | "inodes" | "mounts">, root: string): Hierarchy[] {
  const all = findHierarchies(sys.mounts.list(), root).map(({ mount, names }) => {
    const [first = ""] = names;
    const tree = new MountedTree(sys, mount, (controllers) => controllers.split(",").includes(first));
    return { controllers: wanted.filter((one) => names.includes(one)), tree };
  });
  const hasMemory = ({ controllers }: Hierarchy) => controllers.includes("memory");
  return [...all.filter(hasMemory), ...all.filter((one) => !hasMemory(one))];
}

/**
 * The hierarchies by which systemd knows what is in a unit, on a hybrid host two of them: they have no controllers, and processes
 * are in the unit's place there too.
 */
export function trackingHierarchies(sys: Pick<Sys, "files" | "inodes" | "mounts">, root: string): Hierarchy[] {
  const mounts = mountsBelow(sys.mounts.list(), resolve(root));
  const named = mounts.find(({ type, superOptions }) => type === "cgroup" && superOptions.includes("name=systemd"));
  const unified = mounts.find(({ type }) => type === "cgroup2");
  return [
    ...(named === undefined ? [] : [new MountedTree(sys, named, (names) => names === "name=systemd")]),
    ...(unified === undefined ? [] : [new MountedTree(sys, unified, (names) => names === "")]),
  ].map((tree) => ({ controllers: [], tree }));
}
