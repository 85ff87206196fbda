import type { RootfsDriver } from "../../../core/contracts/rootfs.js";
import { BlockRootfs } from "./block-rootfs.js";
import { matchBlock } from "./match.js";

/** Makes root file systems of this kind. */
export const blockRootfs = (): RootfsDriver => ({
  name: "block",
  match: matchBlock,
  create: (request) => new BlockRootfs(request),
});
