import type { VolumeRequest } from "../../../core/contracts/volume.js";
import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";
import { matchSharedBind } from "./match.js";
import { SharedBind } from "./shared-bind.js";

/** Directories and files of the host, shared with the guest and bound into the container. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "shared-bind",
  config: noConfig,
  create: () => ({
    name: "shared-bind",
    match: matchSharedBind,
    create: (request: VolumeRequest) => new SharedBind(request),
  }),
});
