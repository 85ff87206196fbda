import type { RootfsDriver } from "../../../core/contracts/rootfs.js";
import type { PluginContext } from "../../../core/plugin/context.js";
import { matchNydus } from "./match.js";
import { NydusRootfs } from "./nydus-rootfs.js";

/** Makes root file systems of this kind. */
export async function nydusRootfs({ sys, log, sandbox, plugins }: PluginContext): Promise<RootfsDriver> {
  const shared = await plugins.create("rootfs", "shared", "the plugin rootfs:nydus");
  const parts = { sys, log, shared, sandbox };
  return {
    name: "nydus",
    match: matchNydus,
    create: (request) => new NydusRootfs(parts, request),
  };
}
