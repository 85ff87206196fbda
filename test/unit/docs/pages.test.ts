import { expect } from "chai";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { transformSync } from "esbuild";
import { parse } from "smol-toml";
import { templateKinds } from "../../../src/bin/kata-ts/new-plugin.js";
import { effectiveConfig } from "../../../src/core/config/load.js";
import { documentOf } from "../../../src/core/config/read-config.js";
import { builtinExtensions } from "../../support/config-schema.js";
import { anchors, codeBlocks, pages, prose } from "../../support/markdown.js";
import { projectDirectory } from "../../support/project.js";
import { runTool } from "../../support/run-tool.js";

const project = projectDirectory();
const explained = new Set(readFileSync(join(project, "etc/error-codes.txt"), "utf8").split(/\s+/));
const blocks = pages().flatMap(codeBlocks);
const ofLanguage = (...names: string[]) => blocks.filter(({ language }) => names.includes(language));
/** What is wrong with a link of a page; undefined when it leads somewhere. */
function linkProblem(page: string, link: string): string | undefined {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? page : normalize(join(dirname(page), path));
  if (!existsSync(join(project, target))) return `there is no ${target}`;
  if (anchor === undefined || !target.endsWith(".md")) return undefined;
  return anchors(target).has(anchor) ? undefined : `${target} has no heading #${anchor}`;
}

/** Commands of `kata-ts` by name, with their usage. */
function usages(): Map<string, string> {
  const { stdout } = runTool(process.execPath, ["dist/src/bin/kata-ts/main.js", "help"]);
  const found = new Map<string, string>();
  for (const [, usage = "", name = ""] of stdout.matchAll(/^ +(kata-ts ([a-z-]+).*)$/gm)) {
    found.set(name, `${found.get(name) ?? ""} ${usage}`);
  }
  return found;
}

/** What is wrong with a use of `kata-ts`: its command, what it does (`guest build`), a flag, a kind or a code. */
function commandProblems(known: ReadonlyMap<string, string>, command: string, rest: string): string[] {
  const usage = known.get(command);
  if (usage === undefined) return [`kata-ts ${command}`];
  // What stands behind the dashes is the container's.
  const [own = ""] = rest.replace(/(^|\s)#.*/, "").split(/ -- | > /);
  const words = own.trim().split(/\s+/);
  const [first = "", kind = ""] = words;
  const unknown = words.filter((word) => word.startsWith("--") && !usage.includes(word));
  if (/^[a-z-]+$/.test(first) && !first.startsWith("-") && !usage.split(/[\s|]+/).includes(first)) unknown.push(first);
  if (command === "plugin" && /^[a-z-]+$/.test(kind) && !templateKinds().includes(kind)) unknown.push(kind);
  if (command === "explain" && first !== "CODE" && !explained.has(first)) unknown.push(first);
  return unknown.map((word) => `kata-ts ${command} … ${word}`);
}

describe("the pages", () => {
  it("link to files and headings that are there", () => {
    const broken = pages().flatMap((page) => {
      const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
      const relative = links.filter((link) => !/^[a-z]+:/.test(link));
      return relative.flatMap((link) => {
        const problem = linkProblem(page, link);
        return problem === undefined ? [] : [`${page}: (${link}): ${problem}`];
      });
    });
    expect(broken).to.deep.equal([]);
  });

  it("name files of the project that are there", () => {
    const broken = pages().flatMap((page) => {
      if (page === "CHANGELOG.md") return [];
      const names = [
        ...prose(page).matchAll(/`((?:src|docs|test|tools|config|examples|templates|guest|etc)\/[\w./-]+)`/g),
      ];
      return names
        .map(([, name = ""]) => name)
        .filter((name) => !["", ".ts", ".test.ts"].some((end) => existsSync(join(project, name + end))))
        .map((name) => `${page}: ${name}`);
    });
    expect(broken).to.deep.equal([]);
  });

  for (const { page, line, text } of ofLanguage("toml")) {
    it(`have TOML that loads: ${page}:${line}`, () => {
      // containerd's own configuration is for containerd to judge.
      if (text.includes("io.containerd")) {
        expect(parse(text)).to.be.an("object");
        return;
      }
      const document = documentOf([{ kind: "file", name: `${project}/${page}`, text }]);
      // What stands in a page may be a part of a file: its hypervisor is the one that it says something of.
      const { hypervisor = {}, plugins } = parse(text) as { hypervisor?: object; plugins?: unknown };
      const [chosen] = Object.keys(hypervisor);
      const overrides =
        chosen === undefined ? [] : [{ key: "runtime.hypervisor_name", value: chosen, name: "the page" }];
      // The table of a plugin that is in a package is for that to judge.
      const isBuiltin = builtinExtensions.some(({ kind, name }) => kind === "hypervisor" && name === chosen);
      const own = { kind: "hypervisor", name: chosen ?? "", open: true };
      const extensions = plugins === undefined || isBuiltin ? builtinExtensions : [...builtinExtensions, own];
      effectiveConfig(document, { extensions, checkFiles: false, overrides });
    });
  }

  it("have excerpts that are in the files they are from", () => {
    const excerpts = blocks.filter(({ from }) => from !== undefined);
    expect(excerpts.length, "excerpts").to.be.above(0);
    const wrong = excerpts.flatMap(({ page, line, text, from = "" }) => {
      const file = join(project, from);
      if (!existsSync(file)) return [`${page}:${line}: there is no ${from}`];
      return `\n${readFileSync(file, "utf8")}`.includes(`\n${text}\n`) ? [] : [`${page}:${line}: not in ${from}`];
    });
    expect(wrong).to.deep.equal([]);
  });

  it("have JavaScript and JSON that can be read", () => {
    for (const { text } of ofLanguage("json")) JSON.parse(text);
    for (const { language, text, page, line } of ofLanguage("js", "mjs")) {
      transformSync(text, { loader: "js", sourcefile: `${page}:${line} (${language})` });
    }
  });

  it("have shell commands that exist, with what they take", () => {
    const { scripts } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as { scripts: object };
    const known = usages();
    expect(known.size, "commands").to.be.above(5);
    const wrong = ofLanguage("sh", "bash", "console").flatMap(({ page, line, text }) => {
      const runs = [...text.matchAll(/npm run (?:--?\w+ )*([\w:-]+)/g)].map(([, script = ""]) => script);
      const programs = [...text.matchAll(/\bdist\/((?:examples|test|src)\/[\w./-]+)\.js\b/g)].map(
        ([, file = ""]) => file,
      );
      const uses = [...text.matchAll(/^(?:.*?(?:;|&&) *)?(?:npx )?kata-ts ([a-z-]+)(.*)$/gm)];
      const problems = [
        ...runs.filter((script) => !Object.hasOwn(scripts, script)).map((script) => `npm run ${script}`),
        ...programs.filter((file) => !existsSync(join(project, `${file}.ts`))),
        ...uses.flatMap(([, command = "", rest = ""]) => commandProblems(known, command, rest)),
      ];
      return problems.map((problem) => `${page}:${line}: ${problem}`);
    });
    expect(wrong).to.deep.equal([]);
  });
});
