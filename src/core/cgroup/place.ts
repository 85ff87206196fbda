import { cgroupErrors } from "./errors.js";

/** Where a cgroup is: the names from the root of its hierarchy on. */
export type CgroupPath = readonly string[];

/** Where a cgroup shall be, and who said so. */
export interface CgroupPlace {
  readonly path: CgroupPath;
  /** As it was written. */
  readonly written: string;
  /** Where it was written, for messages. */
  readonly where: string;
  /** Set when it was written in the form of systemd: the unit's name, and the slice that it is in. */
  readonly systemd?: { readonly unit: string; readonly slice: string };
}

/** NAME_MAX and PATH_MAX, less what stands before in `/sys/fs/cgroup/...`. */
const longestName = 255;
const longestPath = 3800;
/** Levels of nesting; systemd and kubelet need six. Each level costs time in the kernel, for ever. */
const deepest = 32;

/** Characters of a unit's name, systemd.unit(5). */
const unitName = /^[A-Za-z0-9:_.\\@-]+$/;
/** Beginnings of the names of the kernel's own files in a cgroup, with which a directory must not be mistaken. */
const ownFiles =
  /^(?:(?:cgroup|cpu|cpuset|cpuacct|memory|pids|io|blkio|hugetlb|rdma|misc)\.|(?:tasks|notify_on_release|release_agent)$)/;

/**
 * Reads `linux.cgroupsPath`: a path (`/a/b`), or `slice:prefix:name` of systemd, whose place is that of the scope
 * `prefix-name.scope` in the slice, with the slices it is in: `a-b.slice` is `a.slice/a-b.slice` (systemd.slice(5)).
 * It is hostile: what leaves the hierarchy, or is no name, is `KATA_CGROUP_PATH` with `where` it was written.
 */
export function parseCgroupsPath(written: string, where: string): CgroupPlace {
  const refuse = (problem: string): Error => cgroupErrors.KATA_CGROUP_PATH({ path: written, where, problem });
  if (written.length > longestPath) throw refuse(`it is longer than ${longestPath} characters`);
  const parts = written.split(":");
  if (!written.includes("/") && parts.length > 1) {
    if (parts.length !== 3) throw refuse(`it has ${parts.length - 1} colon(s) instead of two`);
    const [slice = "", prefix = "", name = ""] = parts;
    const unit = unitOf(prefix, name, refuse);
    const systemd = { unit, slice: slice === "" ? "system.slice" : slice };
    return { path: [...expandSlice(systemd.slice, refuse), unit], written, where, systemd };
  }
  const path = written.split("/").filter((name) => name !== "");
  if (path.length === 0) throw refuse("it is the root, which is everybody's");
  if (path.length > deepest) throw refuse(`it is deeper than ${deepest} levels`);
  for (const name of path) checkName(name, refuse);
  return { path, written, where };
}

function checkName(name: string, refuse: (problem: string) => Error): void {
  const shown = JSON.stringify(name.slice(0, 80));
  if (name === "." || name === "..") throw refuse(`${shown} is no name`);
  if (Buffer.byteLength(name) > longestName) throw refuse(`the name ${shown}… is longer than ${longestName} bytes`);
  // The kernel refuses the line feed, and the zero byte would cut the path.
  if (/\p{Cc}/u.test(name)) throw refuse(`the name ${shown} holds a control character`);
  if (ownFiles.test(name)) throw refuse(`the name ${shown} is one of the kernel's own files`);
}

/** `prefix-name.scope`, or the name alone when that is a slice, as runc has it. */
function unitOf(prefix: string, name: string, refuse: (problem: string) => Error): string {
  if (name === "") throw refuse("the unit has no name");
  const unit = name.endsWith(".slice") ? name : `${prefix === "" ? "" : `${prefix}-`}${name}.scope`;
  if (!unitName.test(unit)) throw refuse(`${JSON.stringify(unit.slice(0, 80))} is no name of a unit`);
  checkName(unit, refuse);
  return unit;
}

/** The slices that a slice is in and itself, outermost first: systemd's dashes are levels. */
function expandSlice(slice: string, refuse: (problem: string) => Error): string[] {
  const shown = JSON.stringify(slice.slice(0, 80));
  if (slice === "-.slice") return [];
  const name = slice.slice(0, -".slice".length);
  if (!slice.endsWith(".slice") || !unitName.test(name)) throw refuse(`${shown} is no name of a slice`);
  const levels = name.split("-");
  if (levels.includes("")) throw refuse(`${shown} has a dash with nothing before or after it`);
  if (levels.length > deepest) throw refuse(`${shown} is deeper than ${deepest} levels`);
  const expanded = levels.map((_, index) => `${levels.slice(0, index + 1).join("-")}.slice`);
  for (const one of expanded) checkName(one, refuse);
  return expanded;
}
