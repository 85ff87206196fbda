import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isPluginKind, kindTable } from "../../core/plugin/kind-table.js";
import { commandErrors } from "./command.js";
import { packageFile } from "./package-home.js";

/** Has a plugin of each kind that there is one of. */
const templates = packageFile("templates");

const namePattern = /^[a-z][a-z0-9-]{0,39}$/;

/** Lines by which a configuration chooses a plugin, of a kind that a key chooses; of a hypervisor also its table. */
function choiceOf(kind: string, name: string): string {
  const selection = isPluginKind(kind) ? kindTable[kind].selection : undefined;
  if (selection?.by !== "key") return "";
  const [, table, key] = /^(.*)\.([^.]+)$/.exec(selection.key.replace("*", "qemu")) ?? [];
  const own = kind === "hypervisor" ? `\n[hypervisor.${name}]\nshared_fs = "none"\n` : "";
  return `[${table}]\n${key} = "${name}"\n${own}`;
}

/** Kinds of which there is a template. */
export const templateKinds = (): string[] => readdirSync(templates).toSorted();

interface Manifest {
  readonly version: string;
  readonly engines: object;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

function manifestOf(name: string): string {
  const { version, engines, devDependencies } = JSON.parse(
    readFileSync(packageFile("package.json"), "utf8"),
  ) as Manifest;
  const development = ["@types/node", "typescript"].map((one) => [one, devDependencies[one]]);
  return json({
    name,
    version: "0.1.0",
    type: "module",
    engines,
    exports: "./dist/index.js",
    files: ["dist"],
    scripts: { build: "tsc", test: "tsc && node --test dist/conformance.test.js" },
    peerDependencies: { "kata-ts": `^${version}` },
    devDependencies: { ...Object.fromEntries(development), "kata-ts": version },
  });
}

const compiler = {
  compilerOptions: {
    target: "es2022",
    lib: ["es2023", "esnext.disposable"],
    module: "nodenext",
    strict: true,
    verbatimModuleSyntax: true,
    declaration: true,
    rootDir: "src",
    outDir: "dist",
    types: ["node"],
  },
  include: ["src"],
};

const readme = (kind: string, name: string, packageName: string): string =>
  [
    `# ${packageName}`,
    "",
    `The ${kind} plugin \`${name}\` for kata-ts.`,
    "",
    "```sh",
    "npm install",
    "npm test    # compiles it, and tries it against what its kind promises",
    "```",
    "",
    "`src/index.ts` is where it begins. It imports nothing of kata-ts but types, so it works with any copy of the library that has its",
    "version of the plugin contract (`api`). To use it, install it beside the configuration that names it: see",
    "`configuration.toml`. It must belong to root, or to whoever runs kata-ts, and be writable by nobody else.",
    "",
  ].join("\n");

/** What is written for a plugin: texts by their paths in its package. */
export function newPluginFiles(kind: string, name: string): ReadonlyMap<string, string> {
  const packageName = `kata-ts-${kind}-${name}`;
  const named = (file: string): string =>
    readFileSync(join(templates, kind, file), "utf8")
      .replaceAll("example", name)
      .replaceAll("EXAMPLE", name.toUpperCase().replaceAll("-", "_"));
  const sources = readdirSync(join(templates, kind)).toSorted();
  return new Map([
    ["package.json", manifestOf(packageName)],
    ["tsconfig.json", json(compiler)],
    ["README.md", readme(kind, name, packageName)],
    [".gitignore", "node_modules\ndist\n"],
    ["configuration.toml", `plugins = ["${packageName}"]\n\n${choiceOf(kind, name)}`],
    ...sources.map((file): [string, string] => [
      `src/${file === "conformance.ts" ? "conformance.test.ts" : file}`,
      named(file),
    ]),
  ]);
}

/** Writes a package for a new plugin into a directory that is not there yet; answers the paths of its files. */
export function writeNewPlugin(kind: string, name: string, directory: string): string[] {
  const kinds = templateKinds();
  if (!kinds.includes(kind)) throw commandErrors.KATA_USAGE_KIND({ kind, kinds });
  if (!namePattern.test(name)) throw commandErrors.KATA_USAGE_NAME({ name });
  if (existsSync(directory)) throw commandErrors.KATA_USAGE_EXISTS({ path: directory });
  return [...newPluginFiles(kind, name)].map(([file, text]) => {
    const path = join(directory, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { flag: "wx" });
    return path;
  });
}
