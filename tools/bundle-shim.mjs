// Bundles the shim: `node tools/bundle-shim.mjs [OUTDIR]` makes dist/shim/ (the launcher, its bundles and their code caches).
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { bundleOptions, importMetaUrl, project, threadPrograms, version } from "./bundle-options.mjs";

/**
 * How Node is run as the shim: without warnings, which would become a part of the address, and without threads that compile
 * and collect garbage for a process that mostly waits. No flag of V8 itself: with any of them V8 refuses the compiled code
 * that Node has of its own modules, which costs ten milliseconds.
 */
export const nodeFlags = ["--no-warnings", "--v8-pool-size=0"];

/** Bundles that are loaded when they are needed, from a cache of their compiled code. */
const loaded = ["shim", "commands", "daemon"];

/** Plugins that only who chooses them pays for: a whole machine in this process. */
const stayLate = /\/hypervisors\/dragonball\//;

/**
 * Has plugins loaded with the rest of their bundle. It is one file with a code cache: what is loaded late there is not in the
 * cache, and is wrapped in functions, as is all that it imports, which costs ten milliseconds and 1 MB of memory.
 */
const loadEarly = {
  name: "load-early",
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/plugins\/.*\/index\.ts$/ }, ({ path }) => {
      if (stayLate.test(path)) return undefined;
      const early = [];
      const contents = readFileSync(path, "utf8").replaceAll(/\bimport\(("[^"]+")\)/g, (_, file) => {
        early.push(`import * as early${early.length} from ${file};\n`);
        return `Promise.resolve(early${early.length - 1})`;
      });
      return { loader: "ts", contents: contents + early.join("") };
    });
  },
};

/** A word as the shell reads it back. */
const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * Makes the shim in `outdir`. `run` and `sockets` are the directories it works in: they are written into the launcher, for
 * the environment of a process of root must not decide them.
 */
export async function bundleShim({ outdir, run = "/run/kata-ts", sockets = "/run/containerd/s", esbuild = {} }) {
  mkdirSync(outdir, { recursive: true });
  for (const name of readdirSync(outdir)) if (name.endsWith(".cache")) rmSync(join(outdir, name));
  const common = { ...bundleOptions(outdir), ...esbuild };
  const source = (name) => `src/bin/shim/${name}.ts`;
  // The probe is a program of its own, found beside the bundle it is started by; so are those of a machine's threads.
  const programs = {
    main: source("main"),
    loader: source("bundle-loader"),
    "kvm-probe": "src/core/kvm/probe-entry.ts",
    ...threadPrograms,
  };
  await build({ ...common, entryPoints: programs });
  await build({
    ...common,
    entryPoints: loaded.map(source),
    plugins: [loadEarly],
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
  execFileSync(process.execPath, [...nodeFlags, join(project, "tools/make-code-cache.cjs"), outdir, ...loaded], {
    env: { PATH: process.env.PATH },
    stdio: ["ignore", "ignore", "inherit"],
  });
  return { launcher: path };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundleShim({ outdir: resolve(process.argv[2] ?? join(project, "dist/shim")) });
}
