import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { KataError } from "../../src/core/errors/error.js";
import type { Status } from "../../src/core/errors/status.js";
import { projectDirectory } from "./project.js";

/** A code as its table has it. */
export interface TabledCode {
  readonly code: string;
  readonly status: Status;
  /** The message with `<name>` where a part of it stands; of a message that depends on its parts, one form. */
  readonly message: string;
  /** The file of the table, from the project's directory. */
  readonly file: string;
}

const project = projectDirectory();

/** Stands for a part of a message of any type: whatever is asked of it, it is `<name>`. */
function placeholder(name: string): unknown {
  const shown = `<${name}>`;
  const part: unknown = new Proxy([shown], {
    get(list, key) {
      if (key === Symbol.toPrimitive || key === "toString" || key === "toJSON" || key === "toFixed") return () => shown;
      if (key === "slice" || key === "trim" || key === "toSorted") return () => part;
      if (key in list) return Reflect.get(list, key) as unknown;
      return placeholder(String(key));
    },
  });
  return part;
}

/** The parts that a message is made of, whatever their names are. */
const parts = new Proxy({}, { get: (_, name) => placeholder(String(name)) });

/** Files that may have a table. */
function sources(directory: string): string[] {
  return readdirSync(join(project, directory), { recursive: true, encoding: "utf8" })
    .map((path) => join(directory, path))
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"));
}

function codesOf(exported: unknown, file: string): TabledCode[] {
  if (typeof exported !== "object" || exported === null) return [];
  return Object.entries(exported).flatMap(([code, make]: [string, unknown]) => {
    if (!code.startsWith("KATA_") || typeof make !== "function") return [];
    const error: unknown = make(parts);
    if (!(error instanceof KataError)) return [];
    return [{ code, status: error.status, message: error.message, file }];
  });
}

/**
 * Every code of every table of the library, its programs and the guest, by file and in the order of the tables. A table that
 * its file does not export is an error: nothing would be known of its codes.
 */
export async function tabledCodes(): Promise<TabledCode[]> {
  const all: TabledCode[] = [];
  for (const file of [...sources("src"), ...sources("guest")].sort()) {
    const text = readFileSync(join(project, file), "utf8");
    const tables = text.match(/= defineErrors\(\{/g)?.length ?? 0;
    if (tables === 0 || file === "src/core/errors/error.ts") continue;
    const url = pathToFileURL(join(project, "dist", file.replace(/\.ts$/, ".js"))).href;
    const module = (await import(url)) as Record<string, unknown>;
    const found = Object.values(module).filter((exported) => codesOf(exported, file).length > 0);
    if (found.length !== tables) throw new Error(`${file} has ${tables} tables of errors and exports ${found.length}`);
    all.push(...found.flatMap((exported) => codesOf(exported, file)));
  }
  return all;
}
