// How programs of ours are bundled into one file each.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const project = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
export const { version } = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));

/** How a module of CommonJS knows its own URL. `node:url` would cost each start of a shim a third of a millisecond. */
export const importMetaUrl = 'const importMetaUrl="file://"+encodeURI(__filename).replace(/[?#]/g,encodeURIComponent);';

/** The programs of a machine's threads. */
export const threadPrograms = {
  "vcpu-thread": "src/vmm/threads/vcpu-thread.ts",
  "device-thread": "src/vmm/threads/device-thread.ts",
};

const packageFile = (name, path) => join(dirname(require.resolve(`${name}/package.json`)), path);
const rxjs = { rxjs: packageFile("rxjs", "dist/esm/index.js") };

/** Packages whose modules of ES are not what Node would import: what is not used of them is left out, and nothing is global. */
export const libraryAliases = {
  ...rxjs,
  tsyringe: packageFile("tsyringe", "dist/esm2015/index.js"),
  tslib: packageFile("tslib", "tslib.es6.mjs"),
};

/** Options for esbuild: programs of CommonJS for the oldest Node there may be, in `outdir`. */
export const bundleOptions = (outdir) => ({
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
  alias: rxjs,
  define: { KATA_TS_VERSION: JSON.stringify(version), "import.meta.url": "importMetaUrl" },
  banner: { js: importMetaUrl },
  logLevel: "warning",
});
