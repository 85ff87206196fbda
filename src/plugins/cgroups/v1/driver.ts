import { cgroupErrors } from "../../../core/cgroup/errors.js";
import type { CgroupDriver } from "../../../core/contracts/cgroup.js";
import type { PluginContext } from "../../../core/plugin/context.js";
import { CgroupV1 } from "./cgroup-v1.js";
import { openHierarchies, trackingHierarchies } from "./hierarchies.js";
import { matchV1 } from "./match.js";

/** Opens cgroups of this version. */
export const cgroupsV1 = ({ sys, log, roots }: PluginContext): CgroupDriver => ({
  name: "v1",
  match: (root) => matchV1(sys.mounts.list(), root),
  open(request) {
    const hierarchies = openHierarchies(sys, roots.cgroup);
    if (hierarchies.length === 0) throw cgroupErrors.KATA_CGROUP_GONE({ root: roots.cgroup, version: 1 });
    const tracking = request.scope === undefined ? [] : trackingHierarchies(sys, roots.cgroup);
    return new CgroupV1({ ...request, hierarchies: [...hierarchies, ...tracking], log });
  },
});
