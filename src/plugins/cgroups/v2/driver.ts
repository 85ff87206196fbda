import { cgroupErrors } from "../../../core/cgroup/errors.js";
import { MountedTree } from "../../../core/cgroup/mounted-tree.js";
import type { CgroupDriver } from "../../../core/contracts/cgroup.js";
import type { PluginContext } from "../../../core/plugin/context.js";
import { CgroupV2 } from "./cgroup-v2.js";
import { matchV2, v2Mount } from "./match.js";

/** Opens cgroups of this version. */
export const cgroupsV2 = ({ sys, log, roots }: PluginContext): CgroupDriver => ({
  name: "v2",
  match: (root) => matchV2(sys.mounts.list(), root),
  open(request) {
    const mount = v2Mount(sys.mounts.list(), roots.cgroup);
    if (mount === undefined) throw cgroupErrors.KATA_CGROUP_GONE({ root: roots.cgroup, version: 2 });
    return new CgroupV2({ ...request, tree: new MountedTree(sys, mount, (names) => names === ""), log });
  },
});
