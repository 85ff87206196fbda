import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectDirectory } from "./project.js";

/** A block of code of a page. */
export interface CodeBlock {
  /** The page's path from the project's directory, and the line the block's text begins at. */
  readonly page: string;
  readonly line: number;
  /** `ts`, `toml`, `sh`; empty when none is said. */
  readonly language: string;
  readonly text: string;
  /** The file that it is an excerpt of, as a comment before the block says: `<!-- from examples/pod/pod.ts -->`. */
  readonly from?: string;
}

const project = projectDirectory();

/** Every page that people read, by its path from the project's directory. */
export function pages(): string[] {
  const top = readdirSync(project).filter((name) => name.endsWith(".md"));
  const below = ["docs", "config", "etc", "examples"].flatMap((directory) =>
    readdirSync(join(project, directory), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".md") && !path.includes("node_modules"))
      .map((path) => join(directory, path)),
  );
  return [...top, ...below].sort();
}

export const readPage = (page: string): string => readFileSync(join(project, page), "utf8");

/** The blocks of code of a page. */
export function codeBlocks(page: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { fence: string; language: string; line: number; lines: string[]; from?: string } | undefined;
  let from: string | undefined;
  for (const [at, line] of readPage(page).split("\n").entries()) {
    const [, fence = "", language = ""] = /^(`{3,})(\w*)/.exec(line) ?? [];
    if (open === undefined) {
      if (fence !== "") open = { fence, language, line: at + 2, lines: [], ...(from !== undefined && { from }) };
      from = /^<!-- from (\S+) -->$/.exec(line)?.[1];
    } else if (line === open.fence) {
      const { fence: _, lines, ...block } = open;
      blocks.push({ page, ...block, text: lines.join("\n") });
      open = undefined;
    } else open.lines.push(line);
  }
  if (open !== undefined) throw new Error(`${page}:${open.line}: a block of code that does not end`);
  return blocks;
}

/** A page's text without its blocks of code. */
export function prose(page: string): string {
  return readPage(page).replaceAll(/^(`{3,})\w*\n[\s\S]*?^\1$/gm, "");
}

/** Where links to headings of a page go, as GitHub and npm make them: `#how-we-write`. */
export function anchors(page: string): Set<string> {
  const found = new Set<string>();
  for (const [, heading = ""] of prose(page).matchAll(/^#{1,6} (.+)$/gm)) {
    const slug = heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-");
    let name = slug;
    for (let at = 1; found.has(name); at++) name = `${slug}-${at}`;
    found.add(name);
  }
  return found;
}
