import type { Roots } from "../plugin/context.js";

/** Where the runtime works on a host of its own. */
export const defaultRoots: Roots = {
  run: "/run/kata-ts",
  shared: "/run/kata-ts/shared",
  guestCache: "/var/cache/kata-ts/guest",
  cgroup: "/sys/fs/cgroup",
  systemd: "/run/systemd/system",
  sysfs: "/sys",
  directVolumes: "/run/kata-containers/shared/direct-volumes",
};
