import type { FuseNode } from "./node-table.js";
import type { ServedShare } from "./operation.js";

/** No file system counts time in larger steps, so that a later change would have shown. */
const settledMs = 2_000;

/**
 * Whether what the guest has cached of a file's data, since it opened it before, is still true; to be asked once at each open.
 * Without it a program is read anew whenever it is started, under the feet of those that run it.
 */
export function cachedContentHolds({ inodes, stat }: ServedShare, node: FuseNode): boolean {
  if (inodes.stat(node.fd, stat.bytes) < 0) return false;
  const { content, changedMs } = stat;
  const holds = node.content === content;
  node.content = Date.now() - changedMs >= settledMs ? content : undefined;
  return holds;
}
