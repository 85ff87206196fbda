import type { DeprecatedUse } from "../deprecation.js";
import { checkTable, type Findings } from "./check-table.js";
import type { NamedExtension } from "./extension.js";
import { agentKeys } from "./keys/agent.js";
import { formerKeys } from "./keys/former-keys.js";
import { hypervisorKeys } from "./keys/hypervisor.js";
import { implemented, type KeyTable, string } from "./keys/key.js";
import { runtimeKeys } from "./keys/runtime.js";
import { didYouMean } from "./nearest.js";
import { type ConfigNode, formatKey, memberTable, type TableNode } from "./node.js";
import { kindTable } from "../plugin/kind-table.js";
import { KindSet } from "../plugin/kind-set.js";
import type { Kind } from "../plugin/kinds.js";
import { unknownHint } from "../plugin/unknown-hint.js";
import { Report } from "./report.js";
import type { Place } from "./source.js";

/** Values of one checked table. */
export type Values = Readonly<Record<string, unknown>>;

/** A kind that names its tables `[<kind>.<name>]`, and the keys that core gives all of them. */
const coreKeys: Readonly<Record<string, KeyTable>> = { hypervisor: hypervisorKeys, agent: agentKeys };

/** The keys of `[runtime]` that select plugins of kinds which plugins bring along. */
function selectingKeys(kinds: readonly Kind[]): KeyTable {
  const rows: Record<string, KeyTable[string]> = {};
  for (const { name, selection } of kinds) {
    if (selection.by !== "key") continue;
    const description = `Plugin of the kind ${name}.`;
    rows[selection.key.slice("runtime.".length)] = string(selection.default ?? "", description, implemented);
  }
  return rows;
}

/** A configuration of which every key has been checked by itself. */
export interface CheckedTables {
  readonly runtime: Values;
  /** Tables by `<kind>.<name>`; of hypervisors and agents every one that configuration has, and the chosen one. */
  readonly tables: ReadonlyMap<string, Values>;
  /** Where each value stands that is not a default, by dotted key. */
  readonly places: ReadonlyMap<string, Place>;
  readonly report: Report;
  /** Keys that are set and are to go. */
  readonly deprecated: readonly DeprecatedUse[];
}

function assertTable(key: string, node: ConfigNode | undefined, found: Findings): void {
  if (node === undefined || node.kind === "table") return;
  found.report.add("KATA_CONFIG_TYPE", key, `is no table; it is written [${key}]`, node.place);
}

/** The tables of one kind, the chosen one among them even if nothing writes it. */
class TableChecker {
  readonly #root: TableNode;
  readonly #extensions: readonly NamedExtension[];
  readonly #found: Findings;
  readonly #kinds = new KindSet();
  readonly tables = new Map<string, Values>();

  constructor(root: TableNode, extensions: readonly NamedExtension[], found: Findings) {
    this.#root = root;
    this.#extensions = extensions;
    this.#found = found;
  }

  checkKind(kind: string, chosen: string | undefined, chosenBy: Place | undefined): void {
    assertTable(kind, this.#root.members.get(kind), this.#found);
    const written = memberTable(this.#root, kind);
    for (const [name, node] of written?.members ?? []) {
      assertTable(formatKey([kind, name]), node, this.#found);
      if (node.kind === "table") this.#check(kind, name, node, name === chosen);
    }
    if (chosen === undefined || this.tables.has(`${kind}.${chosen}`)) return;
    const others = [...(written?.members.keys() ?? [])];
    // Whoever overrides the name on purpose may do so without a table.
    const isMissing = others.length > 0 && !others.includes(chosen);
    if (written && isMissing && chosenBy?.source.kind !== "override") {
      const there = others.map((name) => `[${formatKey([kind, name])}]`).join(", ");
      const isThere = this.#extensions.some((one) => one.kind === kind && one.name === chosen);
      const hint = isThere ? "" : unknownHint({ kind, name: chosen }, this.#extensions, this.#kinds);
      const problem = `is "${chosen}", but there is no table [${formatKey([kind, chosen])}]; there is ${there}${hint}`;
      this.#found.report.add("KATA_CONFIG_VALUE", `runtime.${kind}_name`, problem, chosenBy ?? written.place);
    }
    this.#check(kind, chosen, undefined, true);
  }

  #check(kind: string, name: string, node: TableNode | undefined, isChosen: boolean): void {
    const extension = this.#extensions.find((one) => one.kind === kind && one.name === name);
    // The keys of a plugin that is neither in use nor known cannot be known either.
    const isOpen = extension ? extension.open === true : !isChosen;
    const rules = {
      keys: { ...coreKeys[kind], ...extension?.keys },
      defaults: extension?.defaults,
      open: isOpen,
    };
    this.tables.set(`${kind}.${name}`, checkTable([kind, name], rules, node, this.#found));
  }
}

/**
 * Checks every table of a configuration key by key. What is wrong is in the report, for the caller to throw once it has
 * added its own.
 */
export function checkTables(
  root: TableNode,
  extensions: readonly NamedExtension[],
  kindsBroughtAlong: readonly Kind[] = [],
): CheckedTables {
  const found: Findings = { report: new Report(), places: new Map(), deprecated: [] };
  // Plugins of these have no table of core's: theirs is `[<kind>.<name>]`, with their own keys alone.
  const kinds = new Set([...Object.keys(kindTable), ...extensions.map(({ kind }) => kind)]);
  for (const kind of Object.keys(coreKeys)) kinds.delete(kind);

  const runtimeRows = { ...runtimeKeys, ...selectingKeys(kindsBroughtAlong) };
  assertTable("runtime", root.members.get("runtime"), found);
  const runtime = checkTable(["runtime"], { keys: runtimeRows, open: false }, memberTable(root, "runtime"), found);

  const packages = root.members.get("plugins");
  if (packages) found.places.set("plugins", packages.place);

  const checker = new TableChecker(root, extensions, found);
  for (const kind of ["hypervisor", "agent"]) {
    const key = `${kind}_name`;
    checker.checkKind(kind, String(runtime[key]), found.places.get(`runtime.${key}`));
  }
  for (const kind of kinds) checker.checkKind(kind, undefined, undefined);

  const known = ["plugins", "runtime", "hypervisor", "agent", ...kinds];
  const former = formerKeys[""] ?? {};
  for (const [name, node] of root.members) {
    if (known.includes(name)) continue;
    const isFormer = Object.hasOwn(former, name);
    const problem = isFormer
      ? `is not a table here: ${former[name] ?? ""}`
      : `is not a known table or key${didYouMean(name, known)}`;
    found.report.add("KATA_CONFIG_UNKNOWN_KEY", formatKey([name]), problem, node.place);
  }
  const { places, report, deprecated } = found;
  return { runtime, tables: checker.tables, places, report, deprecated };
}
