import { Child, type ChildExit, forcedKill } from "../../../core/process/child.js";
import { defaultPath, findExecutable } from "../../../core/process/find-executable.js";
import { emptyDirErrors } from "./errors.js";

/** Of e2fsprogs. */
export const programs = ["mke2fs", "debugfs"] as const;
type Program = (typeof programs)[number];

/** Milliseconds that one of them may take: less than a second for the largest disk, on a host that is not slow. */
const programMs = 60_000;

/** Where a program finds the first descriptor that it is given. */
const givenFile = "/proc/self/fd/3";

/** What the root of a new file system is to be like. */
export interface RootOwner {
  /** Permission bits. */
  readonly mode: number;
  readonly gid: number;
}

/**
 * Options of mke2fs(8) for a file that is all hole: nothing is written that reads as zeros already, now or by the guest
 * later (it trusts what it has discarded of a file to be zeros), so that even a disk of terabytes begins with a few
 * megabytes. Nothing is kept for root, and nobody will make it larger.
 */
const options =
  "-q -F -t ext4 -b 4096 -m 0 -O ^resize_inode,sparse_super2 -E discard,lazy_itable_init=1,lazy_journal_init=1";

/**
 * Makes an empty ext4 in the file behind a descriptor, open for writing, of which all reads as zeros; `source` is what it is
 * for. Its root is as told, and has no `lost+found`: there are programs that want a volume to be empty.
 */
export async function makeExt4(source: string, fd: number, { mode, gid }: RootOwner): Promise<void> {
  await run("mke2fs", [...options.split(" "), givenFile], source, fd);
  const directory = `0${(0o040000 | mode).toString(8)}`;
  for (const request of ["rmdir /lost+found", `sif / mode ${directory}`, `sif / gid ${gid}`]) {
    // It ends well whatever it has done, and says on its second line what it could not do.
    const lines = await run("debugfs", ["-w", "-R", request, givenFile], source, fd);
    const said = lines.filter((line) => !/^debugfs \d/.test(line));
    if (said.length > 0)
      throw emptyDirErrors.KATA_EMPTY_DIR_FORMAT({
        source,
        program: "debugfs",
        how: `did not "${request}"`,
        lines: said,
      });
  }
}

/** Runs one to its end; what it has said. */
async function run(program: Program, args: readonly string[], source: string, fd: number): Promise<string[]> {
  const path = process.env["PATH"] ?? defaultPath;
  const command = findExecutable(program, path);
  if (command === undefined) throw emptyDirErrors.KATA_EMPTY_DIR_PROGRAM({ program, path });
  const child = await Child.spawn({ name: program, command, args, fds: [fd] });
  const exit = await child.waitFor(programMs);
  if (exit === undefined) await child.end(forcedKill);
  const lines = child.tail();
  if (exit?.code === 0) return lines;
  throw emptyDirErrors.KATA_EMPTY_DIR_FORMAT({
    source,
    program,
    how: ending(exit),
    lines,
  });
}

function ending(exit: ChildExit | undefined): string {
  if (exit === undefined) return `did not end in ${programMs} ms`;
  return exit.signal === undefined ? `ended with ${exit.code}` : `was ended by ${exit.signal}`;
}
