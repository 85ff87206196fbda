import type { VolumeRequest } from "../../../core/contracts/volume.js";
import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";
import { EphemeralVolume } from "./ephemeral-volume.js";
import { hostMemory } from "./host-memory.js";
import { matchEphemeral } from "./match.js";

/** Volumes in memory that a pod asks for by name (`emptyDir` with `medium: Memory`): memory of the guest, not of the host. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "ephemeral",
  config: noConfig,
  create: ({ sys }) => ({
    name: "ephemeral",
    match: (request: VolumeRequest) => matchEphemeral(request, (path) => hostMemory(sys, path)),
    create: (request: VolumeRequest) => new EphemeralVolume(request, (path) => hostMemory(sys, path)),
  }),
});
