import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "./command.js";

/** Directory of the agent in the guest. */
export const agentDirectory = "/usr/lib/kata-ts";

/** The agent's bundle in the guest; `.cache` after it is its code, compiled. */
export const agentPath = `${agentDirectory}/agent.cjs`;

/** The parameters of the function that a CommonJS module is. */
const wrap = (source: string): string => `(function (exports, require, module, __filename, __dirname) {${source}\n})`;

/**
 * `/sbin/init` of the guest: runs the agent's bundle as Node would run it by itself, but from V8's code cache, which saves
 * compiling it. A cache that does not fit this Node is ignored by V8.
 */
export const bootFile = `#!/usr/bin/node
"use strict";
const { readFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const { Script } = require("node:vm");
const filename = ${JSON.stringify(agentPath)};
let cachedData;
try {
  cachedData = readFileSync(filename + ".cache");
} catch (error) {
  if (error.code !== "ENOENT") throw error;
}
const wrap = ${wrap.toString()};
const script = new Script(wrap(readFileSync(filename, "utf8")), { filename, cachedData });
const module_ = { exports: {}, filename, id: ".", loaded: false };
process.argv[1] = filename;
script.runInThisContext()(module_.exports, createRequire(filename), module_, filename, ${JSON.stringify(agentDirectory)});
`;

/** Compiles every function, so that none is compiled in the guest. */
const maker = `
const { readFileSync, writeFileSync } = require("node:fs");
const { setFlagsFromString } = require("node:v8");
const { Script } = require("node:vm");
const [bundle, cache, filename] = process.argv.slice(2);
const wrap = ${wrap.toString()};
setFlagsFromString("--no-lazy");
const script = new Script(wrap(readFileSync(bundle, "utf8")), { filename });
setFlagsFromString("--lazy");
writeFileSync(cache, script.createCachedData());
`;

/** V8's code cache of the agent's bundle, made by the node that will run it; the bundle is compiled and not run. */
export async function compileAgent(node: string, bundle: string): Promise<Buffer> {
  const directory = mkdtempSync(join(tmpdir(), "kata-ts-agent-"));
  try {
    const script = join(directory, "make-cache.cjs");
    const cache = join(directory, "agent.cache");
    writeFileSync(script, maker);
    // Options from outside would go into the cache, and the guest's node, which has none of them, would refuse it.
    const env = { NODE_OPTIONS: "" };
    // Without the seed the hashes of strings in the cache differ from one build to the next.
    await runCommand(node, ["--random-seed=1", script, bundle, cache, agentPath], { env });
    return readFileSync(cache);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
