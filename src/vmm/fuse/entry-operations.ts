import { OpenFlag } from "../../core/sys/open-flags.js";
import { fileType, longDeviceNumber, writeEntryOut } from "./attributes.js";
import { targetProblem } from "./fuse-request.js";
import { makeEntry, makeFile } from "./make-entry.js";
import type { FuseNode } from "./node-table.js";
import { aboutName, nameAt, nodeOf, type Operation, type ServedShare } from "./operation.js";
import { size } from "./protocol.js";
import { refused } from "./refusals.js";

/** Bits of a mode besides the type. */
const modeBits = 0o7777;

/** `RENAME_NOREPLACE`, `RENAME_EXCHANGE`, `RENAME_WHITEOUT`. */
const renameFlags = 0b111;

const nodeTypes: readonly number[] = [fileType.fifo, fileType.socket, fileType.character, fileType.block];

/**
 * Looks a name up, and gives its node with one lookup more, or an errno; `share.stat` says what it is. One call of the kernel
 * when the guest knows the file, as it mostly does: it asks again every second.
 */
export function lookUp({ inodes, nodes, stat }: ServedShare, parent: FuseNode, name: Uint8Array): FuseNode | number {
  let result = inodes.statName(parent.fd, name, stat.bytes);
  if (result < 0) return result;
  const known = nodes.known(stat);
  if (known !== undefined) return known;
  const fd = inodes.open(parent.fd, name, OpenFlag.pathOnly | OpenFlag.noFollow, 0);
  if (fd < 0) return fd;
  // What it is now: it may have been another just before.
  result = inodes.stat(fd, stat.bytes);
  if (result >= 0) return nodes.adopt(fd, stat);
  inodes.close(fd);
  return result;
}

/** Answers with a node that was looked up just now. */
export function answerEntry(share: ServedShare, parent: FuseNode, node: FuseNode | number): number {
  if (typeof node === "number") return node;
  writeEntryOut(share.view, 0, share.stat, entryOf(share, parent, node));
  return size.entryOut;
}

/** What the guest is told of a node below another. */
export function entryOf({ validity, submounts }: ServedShare, parent: FuseNode, node: FuseNode) {
  const submount = submounts && node.type === fileType.directory && node.mount !== parent.mount;
  return { node: node.id, validity, submount };
}

const lookup = aboutName({ takes: 0, gives: size.entryOut }, (share, _request, parent, name) =>
  answerEntry(share, parent, lookUp(share, parent, name)),
);

const mkdir = aboutName({ takes: 8, gives: size.entryOut, changes: true }, (share, request, parent, name) => {
  const mode = request.u32(0) & modeBits;
  const made = makeEntry(share, { parent, name, owner: request, type: fileType.directory, mode }, () =>
    share.inodes.makeDirectory(parent.fd, name, 0),
  );
  return answerEntry(share, parent, made);
});

const mknod = aboutName({ takes: 16, gives: size.entryOut, changes: true }, (share, request, parent, name) => {
  const { inodes } = share;
  const mode = request.u32(0) & modeBits;
  const type = request.u32(0) & fileType.mask;
  const entry = { parent, name, owner: request, type, mode };
  if (type === fileType.regular || type === 0) {
    const made = makeFile(share, entry, OpenFlag.write);
    if (typeof made === "number") return made;
    inodes.close(made.fd);
    return answerEntry(share, parent, made.node);
  }
  if (!nodeTypes.includes(type)) return refused.invalid;
  const device = longDeviceNumber(request.u32(4));
  return answerEntry(
    share,
    parent,
    makeEntry(share, entry, () => inodes.makeNode(parent.fd, name, type, device)),
  );
});

const symlink = aboutName({ takes: 0, gives: size.entryOut, changes: true }, (share, request, parent, name) => {
  const target = request.text(name.length);
  if (target === undefined) return refused.invalid;
  const problem = targetProblem(target);
  if (problem !== undefined) return problem === "invalid" ? refused.invalid : refused.nameTooLong;
  // What a link says is for the guest to follow: nothing here ever does.
  const entry = { parent, name, owner: request, type: fileType.symlink, mode: 0o777 };
  const made = makeEntry(share, entry, () => share.inodes.makeSymlink(parent.fd, name, target));
  return answerEntry(share, parent, made);
});

const link: Operation = {
  takes: 8,
  gives: size.entryOut,
  changes: true,
  serve(share, request) {
    const parent = nodeOf(share, request);
    const node = share.nodes.get(request.u64(0));
    const name = nameAt(request, 8);
    if (parent === undefined || node === undefined) return refused.badHandle;
    if (typeof name === "number") return name;
    const result = share.inodes.link(node.fd, parent.fd, name);
    return result < 0 ? result : answerEntry(share, parent, lookUp(share, parent, name));
  },
};

const unlink = aboutName({ takes: 0, gives: 0, changes: true }, ({ inodes }, _request, parent, name) =>
  inodes.unlink(parent.fd, name),
);

const rmdir = aboutName({ takes: 0, gives: 0, changes: true }, ({ inodes }, _request, parent, name) =>
  inodes.removeDirectory(parent.fd, name),
);

/** With the flags of RENAME2 when the names stand at 16. */
function renaming(namesAt: 8 | 16): Operation {
  return {
    takes: namesAt,
    gives: 0,
    changes: true,
    serve(share, request) {
      const from = nodeOf(share, request);
      const to = share.nodes.get(request.u64(0));
      const flags = namesAt === 16 ? request.u32(8) : 0;
      const name = nameAt(request, namesAt);
      if (from === undefined || to === undefined) return refused.badHandle;
      if ((flags & ~renameFlags) !== 0) return refused.invalid;
      if (typeof name === "number") return name;
      const newName = nameAt(request, namesAt + name.length);
      if (typeof newName === "number") return newName;
      return share.inodes.rename(from.fd, name, to.fd, newName, flags);
    },
  };
}

/** Requests about names in directories. */
export const entryOperations = {
  lookup,
  mkdir,
  mknod,
  symlink,
  link,
  unlink,
  rmdir,
  rename: renaming(8),
  rename2: renaming(16),
} satisfies Record<string, Operation>;
