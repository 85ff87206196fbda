import type { VolumeDriver } from "../../../core/contracts/volume.js";
import { matchSharedBind } from "./match.js";
import { SharedBind } from "./shared-bind.js";

/** Makes volumes of this kind. */
export const sharedBindVolumes = (): VolumeDriver => ({
  name: "shared-bind",
  match: matchSharedBind,
  create: (request) => new SharedBind(request),
});
