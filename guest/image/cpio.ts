import { imageErrors } from "./errors.js";
import type { FileTree, TreeEntry } from "./file-tree.js";

const typeBits = { directory: 0o040_000, file: 0o100_000, symlink: 0o120_000 } as const;

/** Bytes a header counts a size or a time in: 8 hexadecimal digits. */
const largest = 0xffff_ffff;

const hex = (value: number): string => value.toString(16).padStart(8, "0").toUpperCase();

/** Zero bytes that follow `length` bytes up to the next multiple of four. */
const padding = (length: number): Buffer => Buffer.alloc((4 - (length % 4)) % 4);

interface Member {
  readonly inode: number;
  readonly mode: number;
  readonly links: number;
  readonly time: number;
  readonly name: string;
  readonly data: Buffer;
}

function member({ inode, mode, links, time, name, data }: Member): Buffer[] {
  if (data.length > largest) {
    throw imageErrors.KATA_GUEST_IMAGE_FORMAT({ what: name, problem: `${data.length} bytes are too many for cpio` });
  }
  const nameBytes = Buffer.from(`${name}\0`);
  const fields = [inode, mode, 0, 0, links, time, data.length, 0, 0, 0, 0, nameBytes.length, 0];
  const head = Buffer.concat([Buffer.from(`070701${fields.map(hex).join("")}`, "latin1"), nameBytes]);
  return [head, padding(head.length), data, padding(data.length)];
}

function dataOf(entry: TreeEntry): Buffer {
  if (entry.kind === "directory") return Buffer.alloc(0);
  return entry.kind === "symlink" ? Buffer.from(entry.target) : entry.read();
}

/**
 * A tree as a cpio archive of the "newc" form, which is what Linux unpacks as its initial RAM file system
 * (Documentation/driver-api/early-userspace/buffer-format.rst). All belongs to root; `time` is in seconds. The same tree
 * gives the same bytes.
 */
export function cpioArchive(tree: FileTree, time: number): Buffer {
  const parts: Buffer[] = [];
  let inode = 1;
  for (const [path, entry] of tree.entries()) {
    const mode = typeBits[entry.kind] | (entry.kind === "symlink" ? 0o777 : entry.mode);
    const links = entry.kind === "directory" ? 2 : 1;
    parts.push(...member({ inode, mode, links, time, name: path.slice(1), data: dataOf(entry) }));
    inode += 1;
  }
  parts.push(...member({ inode: 0, mode: 0, links: 1, time: 0, name: "TRAILER!!!", data: Buffer.alloc(0) }));
  return Buffer.concat(parts);
}
