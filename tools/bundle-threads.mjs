// Bundles the programs of a machine's threads beside their modules: a thread that loads one file begins sooner than one that
// looks for a hundred.
import { join } from "node:path";
import { build } from "esbuild";
import { bundleOptions, project, threadPrograms } from "./bundle-options.mjs";

const outdir = join(project, "dist/src/vmm/threads");
await build({ ...bundleOptions(outdir), minify: false, entryPoints: threadPrograms });
