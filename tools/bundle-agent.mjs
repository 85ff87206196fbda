// Bundles the guest's agent: `node tools/bundle-agent.mjs [OUTDIR]` makes dist/guest/agent.cjs, one file that runs. The guest
// image adds V8's code cache of it, and koffi's native part, which stays outside.
import { mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const project = dirname(dirname(fileURLToPath(import.meta.url)));

/** Makes the agent in `outdir`, and gives the path of the file to run. */
export async function bundleAgent(outdir) {
  mkdirSync(outdir, { recursive: true });
  const outfile = join(outdir, "agent.cjs");
  await build({
    absWorkingDir: project,
    entryPoints: ["guest/agent/main.ts"],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    minifyWhitespace: true,
    minifySyntax: true,
    external: ["koffi", "@koromix/*"],
    define: { "import.meta.url": "importMetaUrl" },
    banner: { js: 'const importMetaUrl=require("node:url").pathToFileURL(__filename).href;' },
    footer: { js: "module.exports.main();" },
    logLevel: "warning",
  });
  return outfile;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundleAgent(resolve(process.argv[2] ?? join(project, "dist/guest")));
}
