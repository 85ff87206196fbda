import { fileType } from "./attributes.js";
import type { FuseNode } from "./node-table.js";
import type { ServedShare } from "./operation.js";

const setUser = 0o4000;
const setGroup = 0o2000;
const groupRuns = 0o0010;

/**
 * Takes the bits away that give who runs a file the rights of its owner, before someone changes it who may not keep them
 * (`FUSE_HANDLE_KILLPRIV_V2`): to the host all changes are this process's, which may. The kernel takes capabilities away
 * itself. 0, or an errno.
 */
export function killPrivileges({ inodes, stat }: ServedShare, node: FuseNode): number {
  if (node.type !== fileType.regular) return 0;
  const result = inodes.stat(node.fd, stat.bytes);
  if (result < 0) return result;
  const mode = stat.mode & 0o7777;
  // Without the right to run it the bit of the group asks for mandatory locks.
  const taken = setUser | ((mode & groupRuns) === 0 ? 0 : setGroup);
  return (mode & taken) === 0 ? 0 : inodes.changeMode(node.fd, mode & ~taken);
}
