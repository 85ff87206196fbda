// The public declarations of the package's entries, as reports: `node tools/api-report.mjs OUTDIR` makes a file an entry of what
// `npm run build` has emitted. API Extractor reads declarations with a compiler of its own, so that ours may be any.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";
import { root } from "./setup.mjs";

const outdir = resolve(process.argv[2] ?? "etc/api");
const { exports: entries } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** Declarations with `export type *` written as `export *`, which is the one form that API Extractor follows. */
const work = join(root, "dist/.api");
rmSync(work, { recursive: true, force: true });
cpSync(join(root, "dist/src"), join(work, "src"), {
  recursive: true,
  filter: (path) => !/\.(js|cjs|map)$/.test(path),
});

const compilerOptions = {
  target: "es2022",
  module: "nodenext",
  moduleResolution: "nodenext",
  // `dom` for AbortSignal, which API Extractor does not find where @types/node declares it.
  lib: ["es2023", "esnext.disposable", "dom"],
  types: ["node"],
  strict: true,
  skipLibCheck: true,
};

/** What an entry exports at run time, which declarations alone do not tell from types. */
async function runtimeNames(target) {
  const names = Object.keys(await import(pathToFileURL(join(root, target)).href)).sort();
  return names.length === 0 ? "nothing" : names.join(", ");
}

/** What API Extractor complains of, and what would break the report. */
const problems = [];

for (const target of Object.values(entries)) {
  if (typeof target === "string") continue;
  const main = join(work, target.types.replace("./dist/", ""));
  writeFileSync(main, readFileSync(main, "utf8").replaceAll(/^export type \* from/gm, "export * from"));
}
mkdirSync(outdir, { recursive: true });
for (const [entry, target] of Object.entries(entries)) {
  if (typeof target === "string") continue;
  const name = entry === "." ? "index" : entry.slice(2);
  const extractorConfig = ExtractorConfig.prepare({
    configObjectFullPath: join(work, "api-extractor.json"),
    packageJsonFullPath: join(root, "package.json"),
    configObject: {
      projectFolder: work,
      newlineKind: "lf",
      mainEntryPointFilePath: join(work, target.types.replace("./dist/", "")),
      compiler: { overrideTsconfig: { compilerOptions, files: [join(work, target.types.replace("./dist/", ""))] } },
      apiReport: {
        enabled: true,
        reportFolder: work,
        reportTempFolder: work,
        reportFileName: `${name}.api.md`,
        // What contracts are made of; the other entries are made of the same.
        includeForgottenExports: entry === "./plugin",
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        extractorMessageReporting: {
          default: { logLevel: ExtractorLogLevel.None },
          // A type that the entry mentions and that nobody can import.
          "ae-forgotten-export": { logLevel: ExtractorLogLevel.Warning, addToApiReportFile: true },
        },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
  });
  const { succeeded } = Extractor.invoke(extractorConfig, {
    localBuild: true,
    messageCallback: (message) => {
      message.handled = true;
      if (message.logLevel === ExtractorLogLevel.Error) problems.push(`${entry}: ${message.text}`);
    },
  });
  if (!succeeded) problems.push(`${entry}: no report was made`);
  const path = join(work, `${name}.api.md`);
  if (!existsSync(path)) continue;
  // Comments say what has no description, which is none of what is public, and what cannot be imported, said below at once.
  const body = /```ts\n([\s\S]*?)\n```/.exec(readFileSync(path, "utf8"))?.[1] ?? "";
  const forgotten = [...body.matchAll(/\(ae-forgotten-export\) The symbol "(\w+)"/g)].map(([, symbol]) => symbol);
  const declarations = body
    .replaceAll(/^ *\/\/ (\(undocumented\)|Warning: \(ae-forgotten-export\).*)\n(?: *\/\/\n)?/gm, "")
    .replaceAll(/^ *\/\/\n/gm, "")
    .trim();
  const text = [
    `# kata-ts${entry.slice(1)}`,
    "",
    'What this entry exports. Generated: "npm run reference" renews it; docs/stability.md says what a change of it means.',
    "",
    `At run time: ${await runtimeNames(target.default)}.`,
    "",
    `Types that it mentions and does not name: ${[...new Set(forgotten)].sort().join(", ") || "none"}.`,
    "",
    "```ts",
    declarations,
    "```",
    "",
  ].join("\n");
  writeFileSync(join(outdir, `${name}.md`), text);
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
