// `npm run build`: compiles the tree to dist/, then bundles the guest's agent, the programs of a machine's threads, the
// library and containerd's shim, and says whose code these have. With `--if-changed` nothing is done when dist/ is newer than everything it is made of.
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "./setup.mjs";

const stamp = join(root, "dist", ".built");
const sources = ["package.json", "package-lock.json", "tsconfig.json"];
const sourceTrees = ["bench", "examples", "guest", "src", "templates", "test", "tools"];

/** Whether something was written, or removed from a directory, after the last whole build. */
function changed() {
  if (!existsSync(stamp)) return true;
  const built = statSync(stamp).mtimeMs;
  const below = (tree) => readdirSync(join(root, tree), { recursive: true }).map((path) => join(tree, path));
  const all = [...sources, ...sourceTrees, ...sourceTrees.flatMap(below)];
  return all.some((path) => statSync(join(root, path)).mtimeMs > built);
}

if (!process.argv.includes("--if-changed") || changed()) {
  // What has no source any more must go: its tests would still be run.
  for (const tree of sourceTrees) rmSync(join(root, "dist", tree), { recursive: true, force: true });
  run("node_modules/.bin/tsc", ["-p", "."]);
  run(process.execPath, ["tools/bundle-agent.mjs"]);
  run(process.execPath, ["tools/bundle-threads.mjs"]);
  run(process.execPath, ["tools/bundle-library.mjs"]);
  run(process.execPath, ["tools/bundle-shim.mjs"]);
  run(process.execPath, ["tools/third-party.mjs"]);
  writeFileSync(stamp, "");
}
