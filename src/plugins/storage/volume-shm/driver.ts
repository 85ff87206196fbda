import type { VolumeDriver } from "../../../core/contracts/volume.js";
import type { PluginContext } from "../../../core/plugin/context.js";
import { matchShm } from "./match.js";
import { ShmVolume } from "./shm-volume.js";

/** Makes volumes of this kind. */
export const shmVolumes = ({ sys }: PluginContext): VolumeDriver => ({
  name: "shm",
  match: matchShm,
  create: (request) => new ShmVolume(sys, request),
});
