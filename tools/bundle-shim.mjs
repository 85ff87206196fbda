// Bundles the shim: `node tools/bundle-shim.mjs [OUTDIR]` makes dist/shim/ (the launcher, its bundles and their code caches).
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const { version } = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));

/**
 * How Node is run as the shim: without warnings, which would become a part of the address, and without threads that compile
 * and collect garbage for a process that mostly waits. No flag of V8 itself: with any of them V8 refuses the compiled code
 * that Node has of its own modules, which costs ten milliseconds.
 */
export const nodeFlags = ["--no-warnings", "--v8-pool-size=0"];

/** Bundles that are loaded when they are needed, from a cache of their compiled code. */
const loaded = ["commands", "daemon"];

/** What each bundle's code cache is made after: the program's own work would be a start of the shim. */
const makeCache = `
  const { writeFileSync } = require("node:fs");
  const [, , directory, ...names] = process.argv;
  const { codeCachePath, compileBundle, runBundle } = require(directory + "/loader.cjs");
  for (const name of names) {
    const file = directory + "/" + name + ".cjs";
    const { script } = compileBundle(file);
    const { warmUp } = runBundle(file, script);
    warmUp?.();
    writeFileSync(codeCachePath(file), script.createCachedData());
  }
`;

/** A word as the shell reads it back. */
const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * Makes the shim in `outdir`. `run` and `sockets` are the directories it works in: they are written into the launcher, for
 * the environment of a process of root must not decide them.
 */
export async function bundleShim({ outdir, run = "/run/kata-ts", sockets = "/run/containerd/s", esbuild = {} }) {
  mkdirSync(outdir, { recursive: true });
  for (const name of readdirSync(outdir)) if (name.endsWith(".cache")) rmSync(join(outdir, name));
  const importMetaUrl = 'const importMetaUrl=require("node:url").pathToFileURL(__filename).href;';
  const common = {
    absWorkingDir: project,
    outdir,
    outExtension: { ".js": ".cjs" },
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    charset: "ascii",
    minify: true,
    external: ["koffi", "@grpc/grpc-js"],
    alias: { rxjs: join(dirname(require.resolve("rxjs/package.json")), "dist/esm/index.js") },
    define: { KATA_TS_VERSION: JSON.stringify(version), "import.meta.url": "importMetaUrl" },
    banner: { js: importMetaUrl },
    logLevel: "warning",
    ...esbuild,
  };
  const source = (name) => `src/bin/shim/${name}.ts`;
  // The probe is a program of its own, found beside the bundle it is started by.
  const programs = {
    main: source("main"),
    loader: source("bundle-loader"),
    "kvm-probe": "src/core/kvm/probe-entry.ts",
  };
  await build({ ...common, entryPoints: programs });
  await build({
    ...common,
    entryPoints: loaded.map(source),
    banner: { js: `(function (exports, require, module, __filename, __dirname) {${importMetaUrl}` },
    footer: { js: "})" },
  });
  const template = readFileSync(join(project, "src/bin/shim/launcher.sh"), "utf8");
  const values = {
    "@RUN@": quote(run),
    "@SOCKETS@": quote(sockets),
    "'@VERSION@'": quote(`containerd-shim-kata-ts-v2: io.containerd.kata-ts.v2 ${version}`),
    "'@NODE_FLAGS@'": quote(nodeFlags.join(" ")),
  };
  const launcher = Object.entries(values).reduce((text, [name, value]) => text.replace(name, () => value), template);
  const path = join(outdir, "containerd-shim-kata-ts-v2");
  writeFileSync(path, launcher);
  chmodSync(path, 0o755);
  const environment = { PATH: process.env.PATH };
  execFileSync(process.execPath, [...nodeFlags, "-", outdir, ...loaded], {
    input: makeCache,
    env: environment,
  });
  return { launcher: path };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundleShim({ outdir: resolve(process.argv[2] ?? join(project, "dist/shim")) });
}
