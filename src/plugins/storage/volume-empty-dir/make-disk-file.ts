import { type Stats, fstatSync, ftruncateSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, messageOf } from "../../../core/errors/error.js";
import type { SandboxRecord } from "../../../core/sandbox/record.js";
import { OpenFlag } from "../../../core/sys/open-flags.js";
import type { Sys } from "../../../core/sys/sys.js";
import { emptyDirErrors } from "./errors.js";
import { makeExt4 } from "./make-ext4.js";

/** Its name in the volume's directory, as upstream has it. The kubelet counts it as what the volume uses. */
export const diskName = "disk.img";

/** Bytes of the largest disk: what all file systems of hosts let a file have, ext4's being 16 TiB. */
const mostBytes = 8 * 2 ** 40;

/** Bytes of a block of the file system. */
const blockBytes = 4096;

/** What it works with. */
export interface DiskFileParts {
  readonly sys: Pick<Sys, "files" | "descriptors">;
  readonly record: Pick<SandboxRecord, "file" | "forget"> | undefined;
}

/** A file that was made to be a disk, open for reading and writing. */
export interface DiskFile {
  readonly fd: number;
  readonly path: string;
}

/**
 * Makes the file of a volume's disk, in the volume's directory: all hole, as large as the file system that it is in, with an
 * empty ext4. A file of that name that is there already is not ours, and an error. What fails leaves none.
 */
export async function makeDiskFile({ sys, record }: DiskFileParts, source: string): Promise<DiskFile> {
  const fail = (problem: string, cause?: unknown): Error =>
    emptyDirErrors.KATA_EMPTY_DIR_DISK({ source, problem }, { cause });
  const path = join(source, diskName);
  const directory = openDirectory(sys, source, fail);
  let fd: number | undefined;
  try {
    const owner = fstatSync(directory);
    if (!owner.isDirectory()) throw fail("it is no directory");
    record?.file(path);
    try {
      const flags = OpenFlag.readWrite | OpenFlag.create | OpenFlag.exclusive;
      fd = sys.files.openBeneath(directory, diskName, flags, 0o600);
    } catch (error) {
      record?.forget(path);
      throw fail(codeOf(error) === "EEXIST" ? `there is a ${diskName} in it already` : messageOf(error), error);
    }
    await fill(sys, source, fd, owner);
    return { fd, path };
  } catch (error) {
    if (fd !== undefined) {
      sys.descriptors.close(fd);
      await removeDiskFile(record, path);
    }
    throw error;
  } finally {
    sys.descriptors.close(directory);
  }
}

/** Removes it; no error when it is gone. */
export async function removeDiskFile(record: DiskFileParts["record"], path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT" && codeOf(error) !== "ENOTDIR") throw error;
  }
  record?.forget(path);
}

function openDirectory(
  { files }: Pick<Sys, "files">,
  source: string,
  fail: (problem: string, cause?: unknown) => Error,
) {
  try {
    const flags = OpenFlag.read | OpenFlag.directory | OpenFlag.noFollow;
    return files.openat2("/", source, {
      flags,
      resolve: { noMagicLinks: true },
    });
  } catch (error) {
    throw fail(messageOf(error), error);
  }
}

async function fill({ files }: Pick<Sys, "files">, source: string, fd: number, owner: Stats): Promise<void> {
  const { totalBytes } = files.statfs(fd);
  const bytes = Math.min(mostBytes, totalBytes - (totalBytes % blockBytes));
  ftruncateSync(fd, bytes);
  await makeExt4(source, fd, { mode: owner.mode & 0o7777, gid: owner.gid });
}
