import { execFileSync } from "node:child_process";
import { truncateSync, writeFileSync } from "node:fs";
import type { Context } from "mocha";
import { messageOf } from "../../src/core/errors/error.js";
import { needsRoot } from "./needs-root.js";
import { skip } from "./skip.js";

/** A block device of this machine, over a file. */
export interface LoopDisk {
  readonly file: string;
  readonly path: string;
  readonly major: number;
  readonly minor: number;
  /** What the file has at its beginning. */
  detach(): void;
}

/** Skips where block devices cannot be made of files. */
export function needsLoop(context: Context): void {
  needsRoot(context);
  try {
    execFileSync("losetup", ["-f"], { stdio: "pipe" });
  } catch (error) {
    skip(context, `no loop device is to be had: ${messageOf(error)}`);
  }
}

/** Makes one of a new file, with an ext4 in it when it has files to hold. */
export function makeLoopDisk(file: string, { bytes, tree }: { bytes: number; tree?: string }): LoopDisk {
  writeFileSync(file, "");
  truncateSync(file, bytes);
  if (tree !== undefined) execFileSync("mkfs.ext4", ["-q", "-F", "-d", tree, file]);
  const path = execFileSync("losetup", ["-f", "--show", file], { encoding: "utf8" }).trim();
  // In hexadecimal.
  const numbers = execFileSync("stat", ["-c", "%t %T", path], { encoding: "utf8" }).trim().split(" ");
  const [major = 0, minor = 0] = numbers.map((number) => Number.parseInt(number, 16));
  return { file, path, major, minor, detach: () => void execFileSync("losetup", ["-d", path]) };
}
