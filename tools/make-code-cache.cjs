// `node tools/make-code-cache.cjs DIRECTORY NAME …` writes V8's code cache of each bundle beside it. A cache has the functions
// that were used before it is made: `shim` starts a shim first, in a directory of its own, and loads the others.
const { mkdtempSync, rmSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const path = require("node:path");

const [, , directory, ...names] = process.argv;
const { codeCachePath, compileBundle, runBundle } = require(path.join(directory, "loader.cjs"));

/** Starts a shim as containerd does, up to where the daemon would take over. */
async function startOnce({ main }) {
  const place = mkdtempSync(path.join(tmpdir(), "kata-ts-build-"));
  writeFileSync(path.join(place, "config.json"), '{"ociVersion":"1.0.2","annotations":{}}');
  process.chdir(place);
  const served = new Promise((resolve) => {
    const daemon = { serve: async ({ connections }) => resolve(connections) };
    const flags = ["-namespace", "build", "-id", "build", "-address", "/nowhere", "start"];
    main([path.join(place, "run"), path.join(place, "s"), ...flags], { load: () => daemon });
  });
  (await served).close();
  process.chdir("/");
  rmSync(place, { recursive: true });
}

async function makeCaches() {
  for (const name of names) {
    const file = path.join(directory, `${name}.cjs`);
    const { script } = compileBundle(file);
    const exported = runBundle(file, script, require);
    if (name === "shim") await startOnce(exported);
    writeFileSync(codeCachePath(file), script.createCachedData());
  }
}

void makeCaches();
