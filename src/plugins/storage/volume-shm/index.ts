import type { VolumeRequest } from "../../../core/contracts/volume.js";
import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";
import { matchShm } from "./match.js";
import { ShmVolume } from "./shm-volume.js";

/** `/dev/shm`: memory of the guest, shared by the containers of a pod. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "shm",
  config: noConfig,
  create: ({ sys }) => ({
    name: "shm",
    match: matchShm,
    create: (request: VolumeRequest) => new ShmVolume(sys, request),
  }),
});
