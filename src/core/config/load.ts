import { annotationOverlay } from "./annotations.js";
import { type CheckedTables, checkTables } from "./checked-tables.js";
import { type ChosenTables, checkConstraints, type Complain } from "./constraints.js";
import type { EffectiveConfig } from "./effective.js";
import { EffectiveTables } from "./effective-tables.js";
import type { NamedExtension } from "./extension.js";
import { checkFiles } from "./files.js";
import { fitToHost, type HostSizes, hostSizes } from "./host-sizes.js";
import type { AgentConfig } from "./keys/agent.js";
import type { HypervisorConfig } from "./keys/hypervisor.js";
import type { RuntimeConfig } from "./keys/runtime.js";
import { mergeTables } from "./merge.js";
import { formatKey, type TableNode } from "./node.js";
import { nodeOf, placeOf, tableOf } from "./plain-node.js";
import { type ConfigDocument, type ReadOptions, readConfig } from "./read-config.js";
import { chosenName } from "../plugin/chosen-name.js";
import { isPluginKind, kindTable } from "../plugin/kind-table.js";
import type { Kind } from "../plugin/kinds.js";
import type { KeyProblemCode } from "./report.js";
import { formatPlace, type Place, type Source } from "./source.js";

export { type ConfigDocument, documentOf, type ReadOptions, readConfig } from "./read-config.js";

/** Directories of Kata's kernels and images, besides which an annotation may name others. */
const imageDirectories = ["/usr/share/kata-containers", "/opt/kata/share/kata-containers"];

/** A value that the program itself sets. */
export interface ConfigOverride {
  /** Dotted: `runtime.hypervisor_name`. The parts are names without dots. */
  readonly key: string;
  readonly value: unknown;
  /** What the user wrote, for origins and errors: `--hypervisor`. */
  readonly name: string;
}

/** What is laid over the text, and how it is checked. */
export interface EffectiveOptions {
  /** Annotations of the pod: hostile. Those that set no configuration are passed over. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** What the plugins there are say about configuration (`extensionsOf`). */
  readonly extensions?: readonly NamedExtension[];
  /** Kinds that plugins bring along: their keys are keys of `[runtime]`. */
  readonly kinds?: readonly Kind[];
  /** Stronger than files, weaker than annotations. */
  readonly overrides?: readonly ConfigOverride[];
  /** Whether files that keys name must be there; true when absent. `kata-ts config` shows them all the same. */
  readonly checkFiles?: boolean;
  /** In place of this host's sizes. */
  readonly host?: HostSizes;
  /** In place of the directories in which Kata installs kernels and images. */
  readonly imageDirectories?: readonly string[];
}

/** Everything `loadConfig` takes. */
export interface LoadOptions extends ReadOptions, EffectiveOptions {}

function applyOverrides(table: TableNode, overrides: readonly ConfigOverride[]): TableNode {
  return overrides.reduce((base, { key, value, name }) => {
    const source: Source = { kind: "override", name, text: `${name} ${String(value)}` };
    return mergeTables(base, tableOf(key.split("."), nodeOf(value, placeOf(source))));
  }, table);
}

function applyAnnotations(
  table: TableNode,
  checked: CheckedTables,
  annotations: Readonly<Record<string, string>>,
  directories: readonly string[],
): TableNode | undefined {
  const placeOfGate = (name: string): Place | undefined =>
    checked.places.get(formatKey(["hypervisor", name, "enable_annotations"]));
  const overlay = annotationOverlay(annotations, {
    hypervisorName: String(checked.runtime["hypervisor_name"]),
    agentName: String(checked.runtime["agent_name"]),
    runtime: checked.runtime,
    hypervisor: (name) => checked.tables.get(`hypervisor.${name}`),
    agent: (name) => checked.tables.get(`agent.${name}`),
    gateOrigin: (name) => {
      const place = placeOfGate(name);
      return place ? formatPlace(place) : "it is not set, which allows none";
    },
    imageDirectories: directories,
  });
  return overlay && mergeTables(table, overlay);
}

/** Whether a plugin is in use: chosen by its key, or of a kind that nothing chooses by name. */
function isInUse({ kind, name }: NamedExtension, tables: ChosenTables, kinds: readonly Kind[]): boolean {
  const selection = isPluginKind(kind) ? kindTable[kind].selection : kinds.find((one) => one.name === kind)?.selection;
  return selection?.by !== "key" || chosenName(tables, selection) === name;
}

function chosenTables({ runtime, tables }: CheckedTables): ChosenTables {
  return {
    runtime: runtime as RuntimeConfig,
    hypervisor: tables.get(`hypervisor.${String(runtime["hypervisor_name"])}`) as HypervisorConfig,
    agent: tables.get(`agent.${String(runtime["agent_name"])}`) as AgentConfig,
  };
}

/**
 * Checks a configuration and lays overrides and annotations over it. All that is wrong is in one error: the single error, or
 * `KATA_CONFIG_INVALID` with all of them (`problemsOf`). Refused annotations are `KATA_CONFIG_ANNOTATION_REFUSED`.
 */
export function effectiveConfig(document: ConfigDocument, options: EffectiveOptions = {}): EffectiveConfig {
  const { extensions = [], kinds = [], overrides = [], annotations = {} } = options;
  const table = applyOverrides(document.table, overrides);
  let checked = checkTables(table, extensions, kinds);
  checked.report.throwIfAny();
  const directories = options.imageDirectories ?? imageDirectories;
  const annotated = applyAnnotations(table, checked, annotations, directories);
  if (annotated) {
    checked = checkTables(annotated, extensions, kinds);
    checked.report.throwIfAny();
  }

  const chosen = chosenTables(checked);
  const { report, places } = checked;
  const prefixes = {
    runtime: ["runtime"],
    hypervisor: ["hypervisor", chosen.runtime.hypervisor_name],
    agent: ["agent", chosen.runtime.agent_name],
  };
  const keyOf = (kind: keyof ChosenTables, key: string) => formatKey([...prefixes[kind], key]);
  const complain = (code: KeyProblemCode): Complain => {
    return (kind, key, problem, other) => {
      const place = places.get(keyOf(kind, key)) ?? (other === undefined ? undefined : places.get(keyOf(kind, other)));
      report.add(code, keyOf(kind, key), problem, place);
    };
  };
  checkConstraints(chosen, complain("KATA_CONFIG_VALUE"));
  if (options.checkFiles ?? true) {
    const isSet = (key: string) => places.has(keyOf("hypervisor", key));
    checkFiles(chosen, isSet, complain("KATA_CONFIG_FILE_MISSING"));
  }
  const inUse = extensions.filter((extension) => isInUse(extension, chosen, kinds));
  const config = new EffectiveTables({
    file: document.file,
    dropIns: document.dropIns,
    sources: document.sources,
    plugins: document.plugins,
    checked,
    hypervisor: fitToHost(chosen.hypervisor, options.host ?? hostSizes()),
    extensions: inUse,
  });
  for (const { check } of inUse) {
    for (const { table: kind, key, problem } of check?.(config) ?? [])
      complain("KATA_CONFIG_PLUGIN")(kind, key, problem);
  }
  report.throwIfAny();
  return config;
}

/**
 * Loads the configuration: `readConfig`, then `effectiveConfig`. A program that loads plugin packages does the two itself
 * and loads `ConfigDocument.plugins` in between.
 */
export async function loadConfig(options: LoadOptions = {}): Promise<EffectiveConfig> {
  return effectiveConfig(await readConfig(options), options);
}
