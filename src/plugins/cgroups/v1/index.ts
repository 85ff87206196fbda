import { cgroupErrors } from "../../../core/cgroup/errors.js";
import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";
import { CgroupV1 } from "./cgroup-v1.js";
import { checkHost } from "./check-host.js";
import { openHierarchies, trackingHierarchies } from "./hierarchies.js";
import { matchV1 } from "./match.js";

/** Hosts with cgroups of version 1, hybrid ones too: each controller has a hierarchy of its own. */
export const plugin = definePlugin({
  api: 1,
  kind: "cgroup",
  name: "v1",
  config: noConfig,
  check: checkHost,
  create: ({ sys, log, roots }) => ({
    name: "v1",
    match: (root) => matchV1(sys.mounts.list(), root),
    open(request) {
      const hierarchies = openHierarchies(sys, roots.cgroup);
      if (hierarchies.length === 0) throw cgroupErrors.KATA_CGROUP_GONE({ root: roots.cgroup, version: 1 });
      const tracking = request.scope === undefined ? [] : trackingHierarchies(sys, roots.cgroup);
      return new CgroupV1({ ...request, hierarchies: [...hierarchies, ...tracking], log });
    },
  }),
});
