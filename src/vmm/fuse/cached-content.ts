import type { FileStat } from "./attributes.js";
import type { FuseNode } from "./node-table.js";
import type { ServedShare } from "./operation.js";

/** No file system counts time in larger steps, so that a later change would have shown. */
const settledMs = 2_000;

/** Of `struct statx`: the size, and when the inode and the data were last changed. */
function stampOf({ view }: FileStat): string {
  const time = (at: number): string => `${view.getBigInt64(at, true)}.${view.getUint32(at + 8, true)}`;
  return `${view.getBigUint64(40, true)} ${time(96)} ${time(112)}`;
}

const changedMs = ({ view }: FileStat): number =>
  Number(view.getBigInt64(96, true)) * 1000 + view.getUint32(104, true) / 1e6;

/**
 * Whether what the guest has cached of a file's data, since it opened it before, is still true; to be asked once at each open.
 * Without it a program is read anew whenever it is started, under the feet of those that run it.
 */
export function cachedContentHolds({ inodes, stat }: ServedShare, node: FuseNode): boolean {
  if (inodes.stat(node.fd, stat.bytes) < 0) return false;
  const [stamp, before] = [stampOf(stat), node.content];
  node.content = Date.now() - changedMs(stat) >= settledMs ? stamp : undefined;
  return stamp === before;
}
