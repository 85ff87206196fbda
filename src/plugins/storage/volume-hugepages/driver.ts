import type { VolumeDriver } from "../../../core/contracts/volume.js";
import type { PluginContext } from "../../../core/plugin/context.js";
import { hostHugePages } from "./host-huge-pages.js";
import { HugePagesVolume } from "./huge-pages-volume.js";
import { matchHugePages } from "./match.js";

/** Makes volumes of this kind. */
export const hugepagesVolumes = ({ sys }: PluginContext): VolumeDriver => ({
  name: "hugepages",
  match: (request) => matchHugePages(request, (path) => hostHugePages(sys, path)),
  create: (request) => new HugePagesVolume(request, (path) => hostHugePages(sys, path)),
});
