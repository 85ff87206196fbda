import type { VolumeDriver } from "../../../core/contracts/volume.js";
import type { PluginContext } from "../../../core/plugin/context.js";
import { CopiedVolume } from "./copied-volume.js";
import { matchCopied } from "./match.js";

/** Makes volumes of this kind. */
export const copyVolumes = ({ sys, log }: PluginContext): VolumeDriver => ({
  name: "copy",
  match: matchCopied,
  create: (request) => new CopiedVolume({ sys, log }, request),
});
