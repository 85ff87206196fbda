// Bundles the library's entries and `kata-ts` from what tsc has emitted: `node tools/bundle-library.mjs` makes dist/lib. Modules
// that are always loaded together become one file each (`files`), which all entries share; what is imported when it is needed
// stays files of its own. Names and lines stay as they are, so that stacks can be read.
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { bundleOptions, libraryAliases, project, threadPrograms } from "./bundle-options.mjs";

const outdir = join(project, "dist/lib");
const emitted = join(project, "dist");
const module = (path) => join(emitted, "src", path);

/** Files that entries share, each after those it imports from: what they are made of is loaded with these modules. */
const files = {
  base: ["plugin.js"],
  core: [
    "core/runtime/runtime.js",
    "core/runtime/catch-late-errors.js",
    "core/oci/default-spec.js",
    "core/sandbox/phases.js",
  ],
  builtins: ["plugins/builtins.js"],
};

/** The package's entries and its program. */
const entries = {
  index: "index.js",
  plugin: "plugin.js",
  vmm: "vmm/index.js",
  testing: "testing/index.js",
  "kata-ts": "bin/kata-ts/main.js",
};

const options = {
  absWorkingDir: project,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  external: ["koffi"],
  alias: libraryAliases,
  logLevel: "warning",
};

/** What a module imports: names of other modules of ours, and of packages; none where it takes all there are. */
function importsOf(path) {
  const text = readFileSync(path, "utf8");
  const named = text.matchAll(/^(?:import|export) (?:\{([^}]*)\}|\*.*) from "([^"]+)";$/gm);
  return [...named].map(([, names, from]) => ({
    target: from.startsWith(".") ? resolve(path, "..", from) : from,
    names: names
      ?.split(",")
      .map((one) => one.trim().split(" as ")[0])
      .filter((name) => name !== ""),
  }));
}

/** Trees of modules of ours. */
const trees = ["src", "guest"].map((tree) => join(emitted, tree));
const isOurs = (path) => trees.some((tree) => path.startsWith(`${tree}/`));

/** What all modules of ours import, by their paths. */
const ours = new Map(
  trees.flatMap((tree) =>
    readdirSync(tree, { recursive: true })
      .filter((path) => path.endsWith(".js"))
      .map((path) => [join(tree, path), importsOf(join(tree, path))]),
  ),
);

/** What is imported of modules and packages by those that are not in one file with them, which entries never are. */
function importedFromOutside(inside) {
  const entryModules = new Set(Object.values(entries).map(module));
  const found = new Map();
  for (const [path, imports] of ours) {
    if (inside.has(path) && !entryModules.has(path)) continue;
    for (const { target, names } of imports) {
      const before = found.get(target);
      const all = names === undefined || before === "all";
      found.set(target, all ? "all" : new Set([...(before ?? []), ...names]));
    }
  }
  return found;
}

/** Has packages be what modules of ours call them. */
const apart = { packages: "external", alias: {} };

/** Modules of ours, and packages, that are loaded with some before anything is asked of them, each after those it imports. */
async function loadedWith(modules) {
  const { metafile } = await build({
    ...options,
    entryPoints: modules,
    outdir,
    write: false,
    metafile: true,
    ...apart,
  });
  const seen = new Set();
  const found = [];
  const visit = (path) => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const { kind, path: next, external } of metafile.inputs[relative(project, path)]?.imports ?? []) {
      if (kind === "import-statement") visit(external ? next : join(project, next));
    }
    found.push(path);
  };
  for (const path of modules) visit(path);
  return found;
}

/** Where each module, or package, is: the file of `files`, and its exports by the names that they have there. */
const places = new Map();
/** Modules that a shared file imports when they are needed, by the names of the files they become. */
const late = new Map();

/** Has imports of what is in another shared file go there. `own` is the shared file that is made, if it is one. */
const sharing = (own) => ({
  name: "sharing",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./, namespace: "shared" }, ({ path }) => ({ path, external: true }));
    onResolve({ filter: /./, namespace: "file" }, ({ kind, path, importer, resolveDir }) => {
      if (!isOurs(importer)) return undefined;
      const target = path.startsWith(".") ? resolve(resolveDir, path) : path;
      if (kind === "dynamic-import" && own !== undefined && isOurs(target)) {
        const name = relative(module("."), target).replace(/\.js$/, "").replaceAll("/", "-");
        late.set(name, target);
        return { path: `./${name}.js`, external: true };
      }
      const place = places.get(target);
      if (place === undefined || place.file === own) return undefined;
      // Where files are split, one for each importer: what several import would become one more file.
      const suffix = own === undefined ? `?${relative(emitted, importer)}` : "";
      return { path: relative(project, target), suffix, namespace: "shared", pluginData: place, sideEffects: false };
    });
    onLoad({ filter: /./, namespace: "shared" }, ({ pluginData: { file, names } }) => {
      return {
        contents: `export { ${[...names].map(([name, there]) => `${there} as ${name}`).join()} } from "./${file}.js";`,
      };
    });
  },
});

/** Makes one of `files`, which exports what others import of its modules, each by a name that no other has. */
async function bundleShared(file, modules) {
  const all = (await loadedWith(modules.map(module))).filter((path) => !places.has(path));
  const own = all.filter(isOurs);
  const imported = importedFromOutside(new Set(own));
  // Packages after the modules, which import them in the right order: one may need what another does to the language.
  const packages = all.filter((path) => !isOurs(path) && imported.has(path));
  const taken = new Set();
  const lines = [];
  for (const path of [...own, ...packages]) {
    const names = new Map();
    const wanted = imported.get(path) ?? [];
    for (const name of wanted === "all" ? Object.keys(await import(pathToFileURL(path).href)) : wanted) {
      let there = name;
      for (let count = 2; taken.has(there); count++) there = `${name}_${count}`;
      taken.add(there);
      names.set(name, there);
    }
    places.set(path, { file, names });
    const list = [...names].map(([name, there]) => `${name} as ${there}`).join();
    lines.push(`export { ${list} } from ${JSON.stringify(path)};`);
  }
  const stdin = { contents: lines.join("\n"), resolveDir: emitted, sourcefile: `${file}.js` };
  await build({ ...options, outfile: join(outdir, `${file}.js`), stdin, plugins: [sharing(file)] });
}

rmSync(outdir, { recursive: true, force: true });
for (const [file, modules] of Object.entries(files)) await bundleShared(file, modules);
const entryPoints = Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, module(path)]));
await build({
  ...options,
  outdir,
  splitting: true,
  entryPoints: { ...entryPoints, ...Object.fromEntries(late) },
  plugins: [sharing(undefined)],
});
// Programs that are started as processes and threads, which are looked for beside.
const programs = { "kvm-probe": "src/core/kvm/probe-entry.ts", ...threadPrograms };
await build({ ...bundleOptions(outdir), minify: false, entryPoints: programs });
