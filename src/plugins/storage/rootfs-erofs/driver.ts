import type { RootfsDriver } from "../../../core/contracts/rootfs.js";
import { ErofsRootfs } from "./erofs-rootfs.js";
import { matchErofs } from "./match.js";

/** Makes root file systems of this kind. */
export const erofsRootfs = (): RootfsDriver => ({
  name: "erofs",
  match: matchErofs,
  create: (request) => new ErofsRootfs(request),
});
