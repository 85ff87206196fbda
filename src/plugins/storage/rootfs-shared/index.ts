import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";
import { matchShared } from "./match.js";
import { SharedRootfs } from "./shared-rootfs.js";

/** Root file systems that are directories of the host, shared with the guest. */
export const plugin = definePlugin({
  api: 1,
  kind: "rootfs",
  name: "shared",
  config: noConfig,
  create: ({ sys, sandbox }) => ({
    name: "shared",
    match: matchShared,
    create: (request) => new SharedRootfs({ sys, record: sandbox?.record }, request),
  }),
});
