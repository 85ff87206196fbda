import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "./command.js";
import { imageErrors } from "./errors.js";

/** A package of the distribution whose files are at hand. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** Whether this machine has it installed, or it was fetched and unpacked aside for the image alone. */
  readonly origin: "installed" | "downloaded";
  /** The directory its paths are below: `/`, or where it was unpacked. */
  readonly root: string;
}

/** Milliseconds a package may take to come. */
const downloadPatience = 300_000;

/** Versions of those of the packages that are installed here; names may hold `*`. */
export async function installedVersions(names: readonly string[]): Promise<Map<string, string>> {
  const format = "${Package}\t${Version}\t${db:Status-Status}\n";
  // 1: some of the names are unknown.
  const listing = await runCommand("dpkg-query", ["--show", `--showformat=${format}`, ...names], { accept: [1] });
  const versions = new Map<string, string>();
  for (const line of listing.toString("utf8").split("\n")) {
    const [name, version, status] = line.split("\t");
    if (name !== undefined && version !== undefined && status === "installed") versions.set(name, version);
  }
  return versions;
}

/** Lines such as `Inst crun (1.8.1-1 Debian:12.11/stable [amd64])` of a simulated installation. */
export function parseSimulation(output: string): { name: string; version: string }[] {
  const found: { name: string; version: string }[] = [];
  for (const line of output.split("\n")) {
    const match = /^Inst (\S+?)(?::\S+)? (?:\[[^\]]*\] )?\((\S+) /.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) found.push({ name: match[1], version: match[2] });
  }
  return found;
}

/** Fetches one package and unpacks it below `store`, unless an earlier build did. */
async function unpacked(name: string, version: string, store: string): Promise<Package> {
  const root = join(store, `${name}_${version.replaceAll(":", "%3a")}`);
  if (!existsSync(root)) {
    const work = `${root}.unpacking`;
    rmSync(work, { recursive: true, force: true });
    mkdirSync(join(work, "root"), { recursive: true });
    await runCommand("apt-get", ["download", "-o", "APT::Sandbox::User=root", `${name}=${version}`], {
      cwd: work,
      ms: downloadPatience,
    });
    const archive = readdirSync(work).find((file) => file.endsWith(".deb"));
    if (archive === undefined) {
      throw imageErrors.KATA_GUEST_IMAGE_PACKAGE({ packages: [name], problem: "apt-get fetched nothing" });
    }
    await runCommand("dpkg-deb", ["--extract", join(work, archive), join(work, "root")], { ms: downloadPatience });
    renameSync(join(work, "root"), root);
    rmSync(work, { recursive: true, force: true });
  }
  return { name, version, origin: "downloaded", root };
}

function unavailable(packages: readonly string[]): (cause: unknown) => never {
  return (cause) => {
    const problem = "they are neither installed here nor in the package lists";
    throw imageErrors.KATA_GUEST_IMAGE_PACKAGE({ packages, problem }, { cause });
  };
}

/**
 * The named packages, from this machine where they are installed. Those that are not are fetched by apt-get and unpacked
 * below `store`, with what they depend on and this machine lacks; nothing is installed. The caller holds a lock on `store`.
 */
export async function obtainPackages(names: readonly string[], store: string): Promise<Package[]> {
  const installed = await installedVersions(names);
  const packages: Package[] = [];
  for (const [name, version] of installed) packages.push({ name, version, origin: "installed", root: "/" });
  const missing = names.filter((name) => !installed.has(name));
  if (missing.length > 0) {
    const simulate = ["install", "--simulate", "--no-install-recommends", ...missing];
    const plan = await runCommand("apt-get", simulate).catch(unavailable(missing));
    for (const { name, version } of parseSimulation(plan.toString("utf8"))) {
      packages.push(await unpacked(name, version, store));
    }
  }
  return packages.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** One package, without what it depends on. `KATA_GUEST_IMAGE_PACKAGE` when the package lists do not have it. */
export async function downloadPackage(name: string, store: string): Promise<Package> {
  const record = await packageRecord(name);
  const version = /^Version: (.+)$/m.exec(record)?.[1];
  if (version === undefined) return unavailable([name])(undefined);
  return unpacked(name, version, store);
}

/** What the package lists say of a package: the newest version's fields. */
export async function packageRecord(name: string): Promise<string> {
  const record = await runCommand("apt-cache", ["show", "--no-all-versions", name]).catch(unavailable([name]));
  return record.toString("utf8");
}
