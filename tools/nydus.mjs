// nydus' programs for the tests: no distribution has them, a crate does.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";

const version = "2.2.0";
/** Minutes that the build may take; two processors take four, when nobody else wants them. */
const mostMinutes = 25;

/** Where they are once they were built. */
const home = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "kata-ts", `nydus-rs-${version}`);
const programs = join(home, "bin");

/** Has what is started with this environment find them, if they were ever built here. */
export function findNydus(environment) {
  if (existsSync(programs)) environment.PATH = `${programs}:${environment.PATH}`;
}

/**
 * Builds them, once, of what the registry of crates has: without the backends that ask registries of images, which no test does,
 * and not optimized. Where that cannot be it is said why; their tests are skipped then.
 */
export function buildNydus(environment) {
  if (existsSync(programs)) return;
  const target = mkdtempSync(join(tmpdir(), "kata-ts-nydus-build-"));
  const made = `${home}.${process.pid}`;
  const what = ["install", "nydus-rs", "--version", version, "--locked", "--root", made];
  const how = ["--debug", "--no-default-features", "--features", "fuse-backend-rs/fusedev"];
  const env = { ...environment, CARGO_TARGET_DIR: target, CARGO_PROFILE_DEV_DEBUG: "0" };
  console.log(`Building nydusd and nydus-image of the crate nydus-rs ${version}, for minutes`);
  try {
    mkdirSync(dirname(home), { recursive: true });
    const timeout = mostMinutes * 60_000;
    const { error, status, signal, stderr } = spawnSync("cargo", [...what, ...how], { env, timeout, encoding: "utf8" });
    if (error === undefined && status === 0) {
      renameSync(made, home);
      return;
    }
    const last = (stderr ?? "").trim().split("\n").slice(-5).join("\n");
    console.log(`They cannot be built here (${error?.code ?? signal ?? `cargo ended with ${status}`}):\n${last}`);
  } finally {
    rmSync(target, { recursive: true, force: true });
    rmSync(made, { recursive: true, force: true });
  }
}
