import type { VolumeRequest } from "../../../core/contracts/volume.js";
import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";
import { CopiedVolume } from "./copied-volume.js";
import { matchCopied } from "./match.js";

/** Directories and files of the host where nothing is shared with the guest: copies of them, as they are now and become. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "copy",
  config: noConfig,
  create: ({ sys, log }) => ({
    name: "copy",
    match: matchCopied,
    create: (request: VolumeRequest) => new CopiedVolume({ sys, log }, request),
  }),
});
