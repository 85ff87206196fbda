import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Sys } from "../../../core/sys/sys.js";
import { directVolumeErrors } from "./errors.js";
import { infoName, volumeName } from "./mount-info.js";
import { parseMountInfo } from "./parse-mount-info.js";

/** Bytes of a name in a directory. */
const nameLimit = 255;

/** The path of a volume as it is written in a pod's specification: absolute, and short enough to be a name in base64. */
function checkSource(source: string): void {
  const wrong = (problem: string): Error => directVolumeErrors.KATA_DIRECT_VOLUME_PATH({ source, problem });
  if (!source.startsWith("/") || source.includes("\0")) throw wrong("it must be an absolute path");
  if (volumeName(source).length > nameLimit) throw wrong("it is too long: its name in base64 has 255 bytes at most");
}

/** Says of a path that it is a disk, in place of what was said before; what is said is checked first. Gives the file's path. */
export async function addMountInfo(
  sys: Pick<Sys, "files">,
  root: string,
  source: string,
  text: string,
): Promise<string> {
  checkSource(source);
  const file = join(root, volumeName(source), infoName);
  parseMountInfo(text, { source, file: "what was given" });
  mkdirSync(join(root, volumeName(source)), { recursive: true, mode: 0o700 });
  await sys.files.writeFileAtomic(file, text, 0o600);
  return file;
}

/** Says nothing of a path any more; false when nothing was said. Machines that have the disk keep it. */
export async function removeMountInfo(sys: Pick<Sys, "files">, root: string, source: string): Promise<boolean> {
  checkSource(source);
  const directory = volumeName(source);
  if (!existsSync(join(root, directory))) return false;
  await sys.files.removeTreeBeneath(root, directory);
  return true;
}
