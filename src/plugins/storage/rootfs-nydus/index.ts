import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";
import { matchNydus } from "./match.js";
import { NydusRootfs } from "./nydus-rootfs.js";

/** Root file systems of nydus-snapshotter: images that nydusd serves on the host, below an overlay that is shared. */
export const plugin = definePlugin({
  api: 1,
  kind: "rootfs",
  name: "nydus",
  requires: [{ kind: "rootfs", name: "shared" }],
  config: noConfig,
  async create({ sys, log, sandbox, plugins }) {
    const shared = await plugins.create("rootfs", "shared", "the plugin rootfs:nydus");
    const parts = { sys, log, shared, sandbox };
    return {
      name: "nydus",
      match: matchNydus,
      create: (request) => new NydusRootfs(parts, request),
    };
  },
});
