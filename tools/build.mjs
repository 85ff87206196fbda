// `npm run build`: compiles the tree to dist/, then bundles the guest's agent and containerd's shim.
import { run } from "./setup.mjs";

run("node_modules/.bin/tsc", ["-p", "."]);
run(process.execPath, ["tools/bundle-agent.mjs"]);
run(process.execPath, ["tools/bundle-shim.mjs"]);
