import type { VolumeDriver } from "../../../core/contracts/volume.js";
import { matchSystem } from "./match.js";
import { SystemVolume } from "./system-volume.js";

/** Makes volumes of this kind. */
export const systemVolumes = (): VolumeDriver => ({
  name: "system",
  match: matchSystem,
  create: (request) => new SystemVolume(request),
});
