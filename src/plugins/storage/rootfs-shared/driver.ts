import type { RootfsDriver } from "../../../core/contracts/rootfs.js";
import type { PluginContext } from "../../../core/plugin/context.js";
import { matchShared } from "./match.js";
import { SharedRootfs } from "./shared-rootfs.js";

/** Makes root file systems of this kind. */
export const sharedRootfs = ({ sys, sandbox }: PluginContext): RootfsDriver => ({
  name: "shared",
  match: matchShared,
  create: (request) => new SharedRootfs({ sys, record: sandbox?.record }, request),
});
