import { chmodSync, chownSync, ftruncateSync, lchownSync, renameSync, rmSync, symlinkSync, writeSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { CopyFileRequest } from "../../../src/core/proto/gen/kata/agent.js";
import { OpenFlag } from "../../../src/core/sys/open-flags.js";
import type { Sys } from "../../../src/core/sys/sys.js";
import { badArgument } from "../errors.js";
import { type AgentRoots, containersDirectory } from "../roots.js";
import { belowContainers } from "../storage/mount-point.js";

const typeMask = 0o170000;
const isDirectory = 0o040000;
const isLink = 0o120000;
const isRegular = 0o100000;

/** Bytes of the longest target of a symbolic link. */
const linkLimit = 4095;

/** A place for a file: its directory, opened without following symbolic links, and its name there. */
interface Place {
  /** A path that leads to the opened directory itself. */
  readonly directory: string;
  readonly name: string;
}

/**
 * Writes a piece of a file from the host. Regular files come in pieces and appear at their name when the last byte is there;
 * directories and symbolic links come in one. Everything stays below `/run/kata-containers`.
 */
export function copyFile(sys: Pick<Sys, "files" | "descriptors">, roots: AgentRoots, request: CopyFileRequest): void {
  const relative = belowContainers(roots, "path", request.path);
  const parent = dirname(relative);
  const base = containersDirectory(roots);
  const fd =
    parent === "."
      ? sys.files.openat2(base, ".", { flags: OpenFlag.pathOnly | OpenFlag.directory })
      : sys.files.mkdirBeneath(base, parent, request.dirMode & 0o7777 || 0o755);
  try {
    const place = { directory: sys.files.pathOfFd(fd), name: basename(relative) };
    const type = request.fileMode & typeMask;
    if (type === isDirectory) makeDirectory(sys, fd, place, request);
    else if (type === isLink) makeLink(place, request);
    else if (type === isRegular || type === 0) writePiece(sys, fd, place, request);
    else throw badArgument("file_mode", `0${request.fileMode.toString(8)}`, "a file, a directory or a symbolic link");
  } finally {
    sys.descriptors.close(fd);
  }
}

function makeDirectory(
  sys: Pick<Sys, "files" | "descriptors">,
  fd: number,
  place: Place,
  request: CopyFileRequest,
): void {
  const made = sys.files.mkdirBeneath(fd, place.name, request.fileMode & 0o7777);
  try {
    setOwner(sys.files.pathOfFd(made), request);
  } finally {
    sys.descriptors.close(made);
  }
}

function makeLink({ directory, name }: Place, request: CopyFileRequest): void {
  if (request.data.length === 0 || request.data.length > linkLimit || request.data.includes(0)) {
    throw badArgument("data", `${request.data.length} bytes`, "the target of a symbolic link");
  }
  // Made aside: whoever goes by the name finds the former link or this one, never none.
  const temporary = `${directory}/.${name}.part`;
  rmSync(temporary, { force: true });
  symlinkSync(Buffer.from(request.data), temporary);
  lchownSync(temporary, request.uid, request.gid);
  renameSync(temporary, `${directory}/${name}`);
}

function writePiece(sys: Pick<Sys, "files" | "descriptors">, fd: number, place: Place, request: CopyFileRequest): void {
  const { fileSize, offset, data } = request;
  const end = offset + BigInt(data.length);
  const expected = `a piece within the file's ${fileSize} bytes`;
  if (fileSize < 0n || offset < 0n || end > fileSize) throw badArgument("offset", offset, expected);
  const temporary = `.${place.name}.part`;
  const file = sys.files.openBeneath(fd, temporary, OpenFlag.write | OpenFlag.create, 0o600);
  try {
    if (offset === 0n) ftruncateSync(file, 0);
    for (let written = 0; written < data.length; ) {
      written += writeSync(file, data, written, data.length - written, Number(offset) + written);
    }
    if (end < fileSize) return;
    setOwner(sys.files.pathOfFd(file), request);
    renameSync(`${place.directory}/${temporary}`, `${place.directory}/${place.name}`);
  } finally {
    sys.descriptors.close(file);
  }
}

/** The owner first: changing it takes the set-user-ID bits away. */
function setOwner(path: string, { uid, gid, fileMode }: CopyFileRequest): void {
  chownSync(path, uid, gid);
  chmodSync(path, fileMode & 0o7777);
}
