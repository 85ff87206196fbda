import { cgroupErrors } from "../../../core/cgroup/errors.js";
import { MountedTree } from "../../../core/cgroup/mounted-tree.js";
import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";
import { CgroupV2 } from "./cgroup-v2.js";
import { checkHost } from "./check-host.js";
import { matchV2, v2Mount } from "./match.js";

/** Hosts with cgroups of version 2 alone. */
export const plugin = definePlugin({
  api: 1,
  kind: "cgroup",
  name: "v2",
  config: noConfig,
  check: checkHost,
  create: ({ sys, log, roots }) => ({
    name: "v2",
    match: (root) => matchV2(sys.mounts.list(), root),
    open(request) {
      const mount = v2Mount(sys.mounts.list(), roots.cgroup);
      if (mount === undefined) throw cgroupErrors.KATA_CGROUP_GONE({ root: roots.cgroup, version: 2 });
      return new CgroupV2({ ...request, tree: new MountedTree(sys, mount, (names) => names === ""), log });
    },
  }),
});
