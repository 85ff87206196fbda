import { statfsSync } from "node:fs";

/** Type of a cgroup v2 file system, in statfs(2). */
const cgroup2Magic = 0x63677270;

/** Which cgroups the host's programs account in. A host with both (hybrid) counts as 1, as containerd sees it. */
export function hostCgroupVersion(root: string): 1 | 2 {
  return statfsSync(root).type === cgroup2Magic ? 2 : 1;
}
