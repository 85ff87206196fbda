import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";
import { ErofsRootfs } from "./erofs-rootfs.js";
import { matchErofs } from "./match.js";

/** Root file systems of containerd's erofs snapshotter: each layer is a disk that is read, and the guest lays them over each other. */
export const plugin = definePlugin({
  api: 1,
  kind: "rootfs",
  name: "erofs",
  config: noConfig,
  create: () => ({
    name: "erofs",
    match: matchErofs,
    create: (request) => new ErofsRootfs(request),
  }),
});
