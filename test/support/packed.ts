import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { projectDirectory } from "./project.js";
import { runTool } from "./run-tool.js";

const project = projectDirectory();

/** The package as `npm pack` makes it, of what is built, in a directory of its own. */
export interface Packed {
  readonly tarball: string;
  readonly size: number;
  readonly unpackedSize: number;
  /** Paths of its files, as they are below the package's directory. */
  readonly files: readonly string[];
  /** Removes the directory. */
  remove(): void;
}

/** What `npm pack --json` says, as far as it matters here. */
interface PackReport {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

export function packProject(): Packed {
  const directory = mkdtempSync(join(tmpdir(), "kata-ts-packed-"));
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", directory];
  const { status, stdout, stderr } = runTool("npm", args);
  if (status !== 0) throw new Error(`npm pack ended with ${status}: ${stderr}`);
  const [report] = JSON.parse(stdout) as PackReport[];
  if (report === undefined) throw new Error("npm pack made no package");
  return {
    tarball: join(directory, report.filename),
    size: report.size,
    unpackedSize: report.unpackedSize,
    files: report.files.map(({ path }) => path),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** One package as package-lock.json has it. */
interface LockedPackage {
  readonly dev?: true;
  readonly devOptional?: true;
}

/**
 * A folder as `npm install TARBALL` leaves it, without asking a registry: the package unpacked, and beside it what it depends
 * on, and nothing else, as package-lock.json has it. `extra` are development packages of this project to be there too.
 */
export function installPacked(tarball: string, extra: readonly string[] = []): string {
  const folder = mkdtempSync(join(tmpdir(), "kata-ts-user-"));
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "kata-ts"), { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  const unpack = ["-xzf", tarball, "-C", join(modules, "kata-ts"), "--strip-components=1"];
  const { status, stderr } = runTool("tar", unpack);
  if (status !== 0) throw new Error(`tar ended with ${status}: ${stderr}`);
  const lock = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8")) as {
    packages: Record<string, LockedPackage>;
  };
  const names = Object.entries(lock.packages)
    .filter(([path, { dev, devOptional }]) => path.lastIndexOf("node_modules/") === 0 && !dev && !devOptional)
    .map(([path]) => path.slice("node_modules/".length));
  for (const name of new Set([...names, ...extra])) {
    const source = join(project, "node_modules", name);
    // What is for machines of another kind is in the lock, and nowhere else.
    if (!existsSync(source)) continue;
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(source, join(modules, name));
  }
  return folder;
}
