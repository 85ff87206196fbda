import type { VolumeDriver } from "../../../core/contracts/volume.js";
import { LocalVolume } from "./local-volume.js";
import { matchLocal } from "./match.js";

/** Makes volumes of this kind. */
export const localVolumes = (): VolumeDriver => ({
  name: "local",
  match: matchLocal,
  create: (request) => new LocalVolume(request),
});
