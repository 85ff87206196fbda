import { readdirSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { sysErrors } from "../errors.js";
import { OpenFlag } from "../open-flags.js";
import { closeFd } from "./close-fd.js";
import { pathOfFd } from "./fd-path.js";
import type { Libc } from "./libc.js";

const removeDirectory = 0x200;
const enoent = 2;
const ebusy = 16;
const exdev = 18;
const enotdir = 20;
const eisdir = 21;
const eloop = 40;
const unlinkat = "int unlinkat(int, void*, int)";

/** Removed between two turns of the event loop. */
const batch = 256;

/** Levels held open at once. What lies deeper is moved up first, so that no depth uses up the descriptors. */
const depthLimit = 100;

/** How often one name may turn from a file into a directory and back while it is being removed. */
const attempts = 16;

/** A name as its bytes: names need not be UTF-8. */
const withNul = (name: Uint8Array): Buffer => Buffer.concat([name, Buffer.alloc(1)]);

/** Opens a directory by its name in another: no link, no other mount. The descriptor or the negated errno. */
function openChild(libc: Libc, parent: number, name: Buffer): number {
  const how = Buffer.alloc(24);
  const flags = OpenFlag.directory | OpenFlag.noFollow | OpenFlag.closeOnExec;
  how.writeBigUInt64LE(BigInt(flags), 0);
  // RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV
  how.writeBigUInt64LE(BigInt(0x0f), 16);
  return libc.attemptSyscall("openat2", "int, void*, void*, size_t", parent, name, how, how.length);
}

/** One directory being emptied. */
interface Level {
  readonly fd: number;
  readonly name: Buffer;
  readonly path: string;
  readonly entries: Buffer[];
}

/**
 * Removes `name` in the directory `parent` with all below it, see `Files.removeTreeBeneath`. Every step is made from the
 * descriptor of the directory it happens in, so nothing that moves meanwhile leads it elsewhere.
 */
export async function removeTree(libc: Libc, parent: number, name: string, shown: string): Promise<void> {
  const stack: Level[] = [];
  let steps = 0;
  const refuse = (errno: number, path: string): Error =>
    errno === exdev || errno === ebusy
      ? sysErrors.KATA_SYS_CROSSES_MOUNT({ path })
      : libc.error("unlinkat", [path], errno);

  /** Moves a directory to the top of the tree, to be removed from there; false when it cannot be moved. */
  const lift = (from: number, entry: Buffer): boolean => {
    const top = stack[0];
    if (top === undefined || stack.length < depthLimit) return false;
    const lifted = Buffer.from(`.removed-${process.pid}-${steps}`);
    if (libc.attempt("int renameat(int, void*, int, void*)", from, withNul(entry), top.fd, withNul(lifted)) < 0)
      return false;
    top.entries.push(lifted);
    return true;
  };

  /** Removes what is no directory; enters what is one. */
  const remove = (from: number, entry: Buffer, path: string): void => {
    let refusal = 0;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const result = libc.attempt(unlinkat, from, withNul(entry), 0);
      if (result === 0 || result === -enoent) return;
      if (result !== -eisdir) throw refuse(-result, path);
      if (lift(from, entry)) return;
      const fd = openChild(libc, from, withNul(entry));
      if (fd >= 0) {
        stack.push({ fd, name: entry, path, entries: readEntries(fd) });
        return;
      }
      refusal = -fd;
      if (refusal === enoent) return;
      // swapped for something else since: try again as what it is now
      if (refusal !== enotdir && refusal !== eloop) break;
    }
    throw refuse(refusal, path);
  };

  try {
    remove(parent, Buffer.from(name), shown);
    for (let level = stack.at(-1); level !== undefined; level = stack.at(-1)) {
      const entry = level.entries.pop();
      if (entry !== undefined) {
        remove(level.fd, entry, `${level.path}/${entry.toString()}`);
      } else {
        stack.pop();
        closeFd(level.fd);
        const above = stack.at(-1)?.fd ?? parent;
        const result = libc.attempt(unlinkat, above, withNul(level.name), removeDirectory);
        if (result < 0 && result !== -enoent) throw refuse(-result, level.path);
      }
      if (++steps % batch === 0) await nextTurn();
    }
  } finally {
    for (const { fd } of stack) closeFd(fd);
  }
}

function readEntries(fd: number): Buffer[] {
  return readdirSync(pathOfFd(fd), { encoding: "buffer" });
}
