import { fstatSync, readSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../../core/errors/error.js";
import { OpenFlag } from "../../../core/sys/open-flags.js";
import type { Sys } from "../../../core/sys/sys.js";
import { distrust } from "../../../core/trust.js";
import { directVolumeErrors } from "./errors.js";
import { type MountInfo, parseMountInfo } from "./parse-mount-info.js";

/** Name of the file in a volume's directory. */
export const infoName = "mountInfo.json";

/** Bytes it may have. */
const sizeLimit = 64 * 1024;

/** The name of a volume's directory: its path in base64 for URLs, padded. */
export const volumeName = (source: string): string =>
  Buffer.from(source).toString("base64").replaceAll("+", "-").replaceAll("/", "_");

/**
 * What was said of a volume. The file says what of the host a guest gets, so that it is believed only when it and its
 * directories are root's (or this process's own) and nobody else may write them: `KATA_DIRECT_VOLUME_FILE`.
 */
export function readMountInfo(sys: Pick<Sys, "files" | "descriptors">, root: string, source: string): MountInfo {
  const relative = join(volumeName(source), infoName);
  const file = join(root, relative);
  const fail = (problem: string, cause?: unknown): Error =>
    directVolumeErrors.KATA_DIRECT_VOLUME_FILE({ source, file, problem }, { cause });
  const open = (path: string): number => {
    try {
      return sys.files.openBeneath(root, path, OpenFlag.read | OpenFlag.nonBlock);
    } catch (error) {
      throw fail(messageOf(error), error);
    }
  };
  const problem = distrustRoot(root);
  if (problem !== undefined) throw fail(problem);
  const directory = open(volumeName(source));
  try {
    const wrong = distrustOf(directory);
    if (wrong !== undefined) throw fail(`its directory ${wrong}`);
  } finally {
    sys.descriptors.close(directory);
  }
  const fd = open(relative);
  try {
    if (!fstatSync(fd).isFile()) throw fail("it is no file");
    const wrong = distrustOf(fd);
    if (wrong !== undefined) throw fail(`it ${wrong}`);
    const bytes = Buffer.alloc(sizeLimit + 1);
    const length = readSync(fd, bytes, 0, bytes.length, 0);
    if (length > sizeLimit) throw fail(`it is longer than ${sizeLimit} bytes`);
    return parseMountInfo(bytes.toString("utf8", 0, length), { source, file });
  } finally {
    sys.descriptors.close(fd);
  }
}

/** Who could put another directory in the place of the root. */
function distrustRoot(root: string): string | undefined {
  try {
    return distrust(realpathSync(root));
  } catch (error) {
    return messageOf(error);
  }
}

function distrustOf(fd: number): string | undefined {
  const { uid, mode } = fstatSync(fd);
  if (uid !== 0 && uid !== process.geteuid?.()) return `belongs to user ${uid}`;
  return (mode & 0o022) === 0 ? undefined : `can be written by others (mode ${(mode & 0o7777).toString(8)})`;
}
