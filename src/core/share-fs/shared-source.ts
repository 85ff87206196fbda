import { fstatSync, type Stats } from "node:fs";
import { messageOf } from "../errors/error.js";
import { OpenFlag } from "../sys/open-flags.js";
import type { Sys } from "../sys/sys.js";
import { errnoNameOf } from "../sys/sys-error.js";
import { shareErrors } from "./errors.js";

/** An `O_PATH` descriptor of exactly this path: a link in the place of its last part is not followed. */
export function openSource({ files }: Pick<Sys, "files">, source: string): number {
  if (!source.startsWith("/")) throw shareErrors.KATA_SHARE_SOURCE({ source, problem: "the path is not absolute" });
  try {
    const flags = OpenFlag.pathOnly | OpenFlag.noFollow;
    return files.openat2("/", source, { flags, resolve: { noMagicLinks: true } });
  } catch (error) {
    const errno = errnoNameOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR") throw shareErrors.KATA_SHARE_MISSING({ source }, { cause: error });
    throw shareErrors.KATA_SHARE_SOURCE({ source, problem: messageOf(error) }, { cause: error });
  }
}

/** What a source is; others cannot be shared. */
export function kindOfSource(fd: number, source: string): "directory" | "file" {
  const stats = fstatSync(fd);
  if (stats.isDirectory()) return "directory";
  if (stats.isFile()) return "file";
  const problem = `it is a ${specialKind(stats)}; only directories and regular files can be shared`;
  throw shareErrors.KATA_SHARE_SOURCE({ source, problem });
}

function specialKind(stats: Stats): string {
  if (stats.isSymbolicLink()) return "symbolic link, which is not followed";
  if (stats.isBlockDevice()) return "block device";
  if (stats.isCharacterDevice()) return "character device";
  return stats.isFIFO() ? "fifo" : "socket";
}
