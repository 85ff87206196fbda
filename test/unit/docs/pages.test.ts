import { expect } from "chai";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { parse } from "smol-toml";
import { effectiveConfig } from "../../../src/core/config/load.js";
import { documentOf } from "../../../src/core/config/read-config.js";
import { builtinExtensions } from "../../support/config-schema.js";
import { anchors, codeBlocks, pages, prose } from "../../support/markdown.js";
import { projectDirectory } from "../../support/project.js";
import { runTool } from "../../support/run-tool.js";

const project = projectDirectory();
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
      const names = [...prose(page).matchAll(/`((?:src|docs|test|tools|config|examples|guest|etc)\/[\w./-]+)`/g)];
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
      const { hypervisor = {} } = parse(text) as { hypervisor?: object };
      const [chosen] = Object.keys(hypervisor);
      const overrides =
        chosen === undefined ? [] : [{ key: "runtime.hypervisor_name", value: chosen, name: "the page" }];
      effectiveConfig(document, { extensions: builtinExtensions, checkFiles: false, overrides });
    });
  }

  it("have shell commands that exist, with flags that they take", () => {
    const { scripts } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as { scripts: object };
    const known = usages();
    expect(known.size, "commands").to.be.above(5);
    const wrong: string[] = [];
    for (const { page, line, text } of ofLanguage("sh", "bash", "console")) {
      for (const [, script = ""] of text.matchAll(/npm run (?:--?\w+ )*([\w:-]+)/g)) {
        if (!Object.hasOwn(scripts, script)) wrong.push(`${page}:${line}: npm run ${script}`);
      }
      for (const [, command = "", rest = ""] of text.matchAll(/^(?:.*?(?:;|&&) *)?(?:npx )?kata-ts ([a-z-]+)(.*)$/gm)) {
        const usage = known.get(command);
        if (usage === undefined) wrong.push(`${page}:${line}: kata-ts ${command}`);
        // What stands behind the dashes is the container's.
        const [own = ""] = rest.split(/ # | -- /);
        for (const [flag] of own.replace(/#.*/, "").matchAll(/--[a-z][a-z-]*/g)) {
          if (usage !== undefined && !usage.includes(flag)) wrong.push(`${page}:${line}: kata-ts ${command} ${flag}`);
        }
      }
    }
    expect(wrong).to.deep.equal([]);
  });
});
