import { AnnotationGate, patternFor } from "./annotation-gate.js";
import { annotationKernelParams, annotationNode, valueError } from "./annotation-value.js";
import { configErrors } from "./errors.js";
import { isGuardedKernelParam, kernelParamName } from "./kernel-params.js";
import { agentKeys } from "./keys/agent.js";
import { annotationKeys, annotationPrefix, type AnnotationRow } from "./keys/annotation-keys.js";
import { hypervisorKeys } from "./keys/hypervisor.js";
import type { KeyRow, KeyTable } from "./keys/key.js";
import { runtimeKeys } from "./keys/runtime.js";
import { mergeTables } from "./merge.js";
import { nearest } from "./nearest.js";
import { formatKey, type TableNode } from "./node.js";
import { emptyTable, placeOf, tableOf } from "./plain-node.js";
import type { Source } from "./source.js";

/** Longest name and value of an annotation that are looked at, in UTF-16 units, and how many may set configuration. */
const longestName = 256;
const longestValue = 65_536;
const most = 200;

/** `io.katacontainers.config` without its last dot: what begins so and does not go on with it is meant to mislead. */
const stem = annotationPrefix.slice(0, -1);

type Values = Readonly<Record<string, unknown>>;

/** The configuration that annotations change. */
export interface AnnotatedConfig {
  readonly hypervisorName: string;
  readonly agentName: string;
  readonly runtime: Values;
  /** The values of a hypervisor's or an agent's table; undefined when configuration has no such table. */
  hypervisor(name: string): Values | undefined;
  agent(name: string): Values | undefined;
  /** Where `enable_annotations` of a hypervisor is set, for people. */
  gateOrigin(hypervisor: string): string;
  /** Directories in which kernels and images may lie that an annotation names. */
  readonly imageDirectories: readonly string[];
}

interface Annotation {
  /** Name after the prefix. */
  readonly short: string;
  readonly row: AnnotationRow;
  readonly source: Source;
}

const keyTables: Readonly<Record<AnnotationRow["table"], KeyTable>> = {
  runtime: runtimeKeys,
  agent: agentKeys,
  hypervisor: hypervisorKeys,
};

function rowOf({ table, key }: AnnotationRow): KeyRow {
  const row = keyTables[table][key];
  if (row === undefined) throw new TypeError(`the annotation table names the key ${table}.${key}, which is not there`);
  return row;
}

/** The annotations that set configuration; throws for one that does not exist, may never be used, or is too long. */
function collect(annotations: Readonly<Record<string, string>>): Annotation[] {
  const found: Annotation[] = [];
  for (const [name, text] of Object.entries(annotations)) {
    if (!name.startsWith(stem)) continue;
    const source: Source = { kind: "annotation", name: name.slice(0, longestName), text };
    if (!name.startsWith(annotationPrefix)) {
      const reason = "the host alone chooses its configuration file";
      if (name === `${stem}_path`) throw configErrors.KATA_CONFIG_ANNOTATION_NEVER({ name, reason });
      throw configErrors.KATA_CONFIG_ANNOTATION_UNKNOWN({ name: source.name, hint: "" });
    }
    const short = name.slice(annotationPrefix.length);
    const row = Object.hasOwn(annotationKeys, short) ? annotationKeys[short] : undefined;
    if (row === undefined) {
      const near = nearest(short, Object.keys(annotationKeys));
      const hint = near === undefined ? "" : `; did you mean ${annotationPrefix}${near}?`;
      throw configErrors.KATA_CONFIG_ANNOTATION_UNKNOWN({ name: source.name, hint });
    }
    if (row.never !== undefined) throw configErrors.KATA_CONFIG_ANNOTATION_NEVER({ name, reason: row.never });
    if (text.length > longestValue) throw valueError(source, `is longer than ${longestValue} characters`);
    if (text.includes("\0")) throw valueError(source, "has a NUL character in it");
    found.push({ short, row, source });
    if (found.length > most) throw valueError(source, `is one of more than ${most} annotations`);
  }
  return found;
}

/** Throws `KATA_CONFIG_ANNOTATION_REFUSED` with all the annotations that one hypervisor's table does not allow. */
function pass(annotations: readonly Annotation[], hypervisor: string, config: AnnotatedConfig): void {
  const enabled = config.hypervisor(hypervisor)?.["enable_annotations"];
  const gate = new AnnotationGate(Array.isArray(enabled) ? enabled.map(String) : []);
  const names: string[] = [];
  const enable: string[] = [];
  for (const { short, row, source } of annotations) {
    if (!gate.allows(short)) {
      names.push(source.name);
      enable.push(patternFor(short));
    } else if (row.kernelParams) {
      for (const param of annotationKernelParams(source).filter(isGuardedKernelParam)) {
        const guarded = `${short}.${kernelParamName(param)}`;
        if (gate.allows(guarded)) continue;
        names.push(`${source.name} (${JSON.stringify(param)})`);
        enable.push(patternFor(guarded));
      }
    }
  }
  if (names.length === 0) return;
  const table = formatKey(["hypervisor", hypervisor]);
  throw configErrors.KATA_CONFIG_ANNOTATION_REFUSED({ names, enable, table, where: config.gateOrigin(hypervisor) });
}

/** The name a `runtime.hypervisor_name` or `runtime.agent_name` annotation chooses: one that configuration has a table of. */
function chosenName(
  annotations: readonly Annotation[],
  key: string,
  present: string,
  exists: (name: string) => boolean,
) {
  const annotation = annotations.find(({ row }) => row.table === "runtime" && row.key === key);
  if (annotation === undefined || annotation.source.text === present) return present;
  if (exists(annotation.source.text)) return annotation.source.text;
  throw valueError(annotation.source, "names no table of the configuration");
}

/**
 * What a pod's annotations set, as a table to lay over the configuration; undefined when there is nothing. Annotations are
 * hostile: each must be allowed by `enable_annotations` of the hypervisor it is for; those of the agent and the runtime by
 * that of the hypervisor that the configuration itself chooses.
 */
export function annotationOverlay(
  annotations: Readonly<Record<string, string>>,
  config: AnnotatedConfig,
): TableNode | undefined {
  const found = collect(annotations);
  const [first] = found;
  if (first === undefined) return undefined;
  const isHypervisor = ({ row }: Annotation) => row.table === "hypervisor";
  pass(
    found.filter((one) => !isHypervisor(one)),
    config.hypervisorName,
    config,
  );
  const hypervisorName = chosenName(
    found,
    "hypervisor_name",
    config.hypervisorName,
    (n) => config.hypervisor(n) !== undefined,
  );
  const agentName = chosenName(found, "agent_name", config.agentName, (n) => config.agent(n) !== undefined);
  pass(found.filter(isHypervisor), hypervisorName, config);

  const targets = {
    runtime: { path: ["runtime"], values: config.runtime },
    hypervisor: { path: ["hypervisor", hypervisorName], values: config.hypervisor(hypervisorName) ?? {} },
    agent: { path: ["agent", agentName], values: config.agent(agentName) ?? {} },
  };
  let overlay = emptyTable(placeOf(first.source));
  for (const { row, source } of found) {
    const { path, values } = targets[row.table];
    const node = annotationNode(row, source, { row: rowOf(row), values, imageDirectories: config.imageDirectories });
    overlay = mergeTables(overlay, tableOf([...path, row.key], node));
  }
  return overlay;
}
