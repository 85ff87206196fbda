import { openSync } from "node:fs";
import { OpenFlag } from "../../../core/sys/open-flags.js";
import type { Sys } from "../../../core/sys/sys.js";
import { FuseServer } from "../../fuse/fuse-server.js";
import type { CacheMode } from "../../fuse/operation.js";
import { raiseDescriptorLimit } from "./descriptor-limit.js";
import { FsDevice } from "./fs-device.js";

/** A directory of the host to be shown to the guest. */
export interface SharedDirectory {
  readonly tag: string;
  /** Absolute. */
  readonly path: string;
  readonly readOnly: boolean;
  readonly cache: CacheMode;
  readonly queueSize?: number;
}

/** How much of the descriptors that this process may have goes to what the guest knows of, and to what it has open. */
const nodesShare = 0.7;
const handlesShare = 0.1;

/** The most files whatever the process may have: each costs memory here and in the kernel. */
const mostNodes = 1_000_000;

/** Takes hold of the directory, and makes the device that serves it. */
export function makeFsDevice(
  { inodes, processes }: Pick<Sys, "inodes" | "processes">,
  { tag, path, readOnly, cache, queueSize }: SharedDirectory,
): FsDevice {
  const most = Math.ceil(mostNodes / nodesShare);
  const descriptors = Math.min(raiseDescriptorLimit(processes, most), most);
  const nodes = Math.floor(descriptors * nodesShare);
  const handles = Math.floor(descriptors * handlesShare);
  const root = openSync(path, OpenFlag.pathOnly | OpenFlag.directory | OpenFlag.noFollow);
  let server: FuseServer | undefined;
  try {
    server = new FuseServer({ inodes, root, path, readOnly, cache, nodes, handles });
    return new FsDevice({ tag, server, ...(queueSize !== undefined && { queueSize }) });
  } catch (error) {
    if (server === undefined) inodes.close(root);
    else server.close();
    throw error;
  }
}
