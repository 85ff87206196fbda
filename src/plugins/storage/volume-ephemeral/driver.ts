import type { VolumeDriver } from "../../../core/contracts/volume.js";
import type { PluginContext } from "../../../core/plugin/context.js";
import { EphemeralVolume } from "./ephemeral-volume.js";
import { hostMemory } from "./host-memory.js";
import { matchEphemeral } from "./match.js";

/** Makes volumes of this kind. */
export const ephemeralVolumes = ({ sys }: PluginContext): VolumeDriver => ({
  name: "ephemeral",
  match: (request) => matchEphemeral(request, (path) => hostMemory(sys, path)),
  create: (request) => new EphemeralVolume(request, (path) => hostMemory(sys, path)),
});
