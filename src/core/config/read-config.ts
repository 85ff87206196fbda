import { KataError } from "../errors/error.js";
import { parseDocument } from "./document.js";
import type { PluginPackageList } from "./effective.js";
import { mergeTables } from "./merge.js";
import type { TableNode } from "./node.js";
import { packageList } from "./package-list.js";
import { emptyTable, placeOf } from "./plain-node.js";
import { readConfigFile, readDropIns } from "./read-sources.js";
import { Report } from "./report.js";
import { findConfig, type SearchOptions } from "./search.js";
import type { Source } from "./source.js";

/** How the text of a configuration is found. */
export interface ReadOptions extends SearchOptions {
  /** Reads no file at all: everything is as built in. */
  readonly builtIn?: boolean;
}

/** The text of a configuration, read and merged, not yet checked. */
export interface ConfigDocument {
  readonly file: string | undefined;
  readonly dropIns: readonly string[];
  /** Packages to load before the rest is checked: their plugins' keys count. */
  readonly plugins: PluginPackageList;
  readonly table: TableNode;
  /** The texts it was read from, in the order they count: `documentOf` reads the same from them again. */
  readonly sources: readonly Source[];
}

function parseAll(sources: readonly Source[]): TableNode[] {
  const report = new Report();
  const tables = sources.flatMap((source) => {
    try {
      return [parseDocument(source)];
    } catch (error) {
      if (!(error instanceof KataError)) throw error;
      report.addError(error);
      return [];
    }
  });
  report.throwIfAny();
  return tables;
}

/**
 * Finds the configuration file and reads it with its drop-ins. Throws for what cannot be read, trusted or parsed; an
 * undefined `file` means that there is none.
 */
export async function readConfig(options: ReadOptions = {}): Promise<ConfigDocument> {
  const found = options.builtIn ? undefined : await findConfig(options);
  return documentOf(found ? [await readConfigFile(found), ...(await readDropIns(found.file))] : []);
}

/** The configuration that these texts are: the file itself, if there is one, and then its drop-ins. */
export function documentOf(sources: readonly Source[]): ConfigDocument {
  const nothing = emptyTable(placeOf({ kind: "override", name: "built in", text: "" }));
  const table = parseAll(sources).reduce((base, later) => mergeTables(base, later), nothing);
  const report = new Report();
  const plugins = packageList(table, report);
  report.throwIfAny();
  return { file: sources[0]?.name, dropIns: sources.slice(1).map((source) => source.name), plugins, table, sources };
}
