import { withDeadline } from "../../core/deadline.js";
import { describeError } from "../../core/errors/error.js";
import { createLogger } from "../../core/log.js";
import { formatPluginId, type PluginInstance } from "../../core/plugin/kinds.js";
import type { Plugin } from "../../core/plugin/plugin.js";
import { agentTrials, type AgentSubject } from "./agent.js";
import { blockDriverTrials, type BlockDriverSubject } from "./block-driver.js";
import { arrangeHierarchy, cgroupOffers, cgroupTrials } from "./cgroup.js";
import type { Check, Place, Subject, Trial } from "./check.js";
import { arrangeLinks, endpointOffers, endpointTrials, type EndpointSubject } from "./endpoint.js";
import { conformanceErrors } from "./errors.js";
import { handlerTrials } from "./handler.js";
import { hypervisorTrials, type HypervisorSubject } from "./hypervisor.js";
import { arrangePodLink, networkModelTrials } from "./network-model.js";
import type { Offers } from "./match-trials.js";
import { pluginTrials } from "./plugin-trials.js";
import { rootfsOffers, rootfsTrials, type RootfsSubject } from "./rootfs.js";
import { serviceTrials } from "./service.js";
import { shareFsTrials } from "./share-fs.js";
import { Stage } from "./stage.js";
import { arrangeBundle } from "./storage-place.js";
import { volumeOffers, volumeTrials, type VolumeSubject } from "./volume.js";

/** What is told of a plugin that is tried, by its kind. */
export interface Subjects {
  hypervisor: HypervisorSubject;
  endpoint: EndpointSubject;
  "network-model": Subject;
  "share-fs": Subject;
  rootfs: RootfsSubject;
  volume: VolumeSubject;
  "block-driver": BlockDriverSubject;
  service: Subject;
  handler: Subject;
  agent: AgentSubject;
  cgroup: Subject;
}

/** The promises of a kind. */
interface Suite<S extends Subject, I> {
  readonly trials: (plugin: Plugin) => readonly Trial<S, I>[];
  /** Makes what every trial of the kind finds, before `Subject.arrange`. */
  readonly arrange?: (place: Place, subject: S) => void | Promise<void>;
}

/** What plugins of the kinds that are chosen by `match` are offered of what they take. */
const offers: { readonly [K in MatchedKind]: Offers<Subjects[K], PluginInstance<K>, Offered<K>> } = {
  endpoint: endpointOffers,
  rootfs: rootfsOffers,
  volume: volumeOffers,
  cgroup: cgroupOffers,
};

/** Kinds that are chosen by `match`. */
export type MatchedKind = "endpoint" | "rootfs" | "volume" | "cgroup";

type Offered<K extends MatchedKind> = Parameters<PluginInstance<K>["match"]>[0];

const suites: { readonly [K in keyof Subjects]: Suite<Subjects[K], PluginInstance<K>> } = {
  hypervisor: { trials: () => hypervisorTrials },
  endpoint: { trials: () => endpointTrials, arrange: arrangeLinks },
  "network-model": { trials: () => networkModelTrials, arrange: arrangePodLink },
  "share-fs": { trials: () => shareFsTrials, arrange: arrangeBundle },
  rootfs: { trials: () => rootfsTrials, arrange: arrangeBundle },
  volume: { trials: () => volumeTrials, arrange: arrangeBundle },
  "block-driver": { trials: () => blockDriverTrials },
  service: { trials: () => serviceTrials },
  handler: { trials: handlerTrials },
  agent: { trials: () => agentTrials },
  cgroup: { trials: () => cgroupTrials, arrange: arrangeHierarchy },
};

/** Milliseconds for one check, unless the subject says others. */
const ordinaryMs = 10_000;

/** Lines of the plugin's log that an error tells. */
const toldLines = 20;

/**
 * What the contract of a plugin's kind promises, as checks for any test runner:
 *
 * ```ts
 * for (const { name, skipped, run } of conformance(plugin, { takes: [linkInfo({ kind: "wireguard" })] })) {
 *   it(name, { skip: skipped }, run);
 * }
 * ```
 */
export function conformance<K extends keyof Subjects>(plugin: Plugin<K>, subject: Subjects[K]): readonly Check[] {
  const suite: Suite<Subjects[K], PluginInstance<K>> = suites[plugin.kind];
  const trials = [...pluginTrials(plugin), ...suite.trials(plugin)] as readonly Trial<Subjects[K], PluginInstance<K>>[];
  const skips = subject.skips ?? {};
  const unknown = Object.keys(skips).find((name) => !trials.some((trial) => trial.name === name));
  if (unknown !== undefined) {
    const problem = `there is no check "${unknown}" that it could skip`;
    throw conformanceErrors.KATA_CONFORMANCE_SUBJECT({ plugin: formatPluginId(plugin), problem });
  }
  const arranged = arrangedBy(suite, subject);
  return trials.map((trial) => {
    const skipped = skips[trial.name] ?? trial.without?.(subject);
    return { name: trial.name, ...(skipped !== undefined && { skipped }), run: () => tryIt(plugin, arranged, trial) };
  });
}

const arrangedBy = <S extends Subject>({ arrange }: Pick<Suite<S, never>, "arrange">, subject: S): S => ({
  ...subject,
  arrange: async (place: Place) => {
    await arrange?.(place, subject);
    await subject.arrange?.(place);
  },
});

/**
 * How well a plugin that is chosen by its `match` says that it fits each of what it takes. Of several plugins the one that gives
 * the most is taken; two that give the same are `KATA_PLUGIN_TIE`. Those of the plugins that come with kata-ts are on the pages
 * of the kinds (docs/plugins).
 */
export async function matchScores<K extends MatchedKind>(plugin: Plugin<K>, subject: Subjects[K]): Promise<number[]> {
  const suite: Suite<Subjects[K], PluginInstance<K>> = suites[plugin.kind];
  const stage = await Stage.open<Subjects[K], PluginInstance<K>>(plugin, arrangedBy(suite, subject));
  try {
    const driver: { match(request: Offered<K>): number } = await stage.instance();
    return offers[plugin.kind](stage).map((request) => driver.match(request));
  } finally {
    await stage.close();
  }
}

async function tryIt<S extends Subject, I>(plugin: Plugin, subject: S, { name, run }: Trial<S, I>): Promise<void> {
  const lines: string[] = [];
  const problems: string[] = [];
  let cause: unknown;
  const stage = await Stage.open<S, I>(
    plugin,
    subject,
    createLogger((line) => lines.push(line), "debug"),
  );
  try {
    const deadline = { ms: subject.ms ?? ordinaryMs, what: `the check "${name}" of ${formatPluginId(plugin)}` };
    await withDeadline(deadline, () => run(stage));
  } catch (error) {
    cause = error;
    problems.push(describeError(error));
  }
  problems.push(...(await stage.close()));
  if (problems.length === 0) return;
  if (lines.length > 0) problems.push(`the log ends with ${lines.slice(-toldLines).join("\n")}`);
  throw conformanceErrors.KATA_CONFORMANCE({ plugin: formatPluginId(plugin), check: name, problems }, { cause });
}

/** What mocha and `node:test` have in common. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: ((name: string, body: () => Promise<void>) => unknown) & {
    readonly skip: (name: string, body: () => Promise<void>) => unknown;
  };
}

/** Hands the checks to a test runner, under the plugin's name; what is skipped says why in its own. */
export function describeConformance<K extends keyof Subjects>(
  { describe, it }: TestRunner,
  plugin: Plugin<K>,
  subject: Subjects[K],
): void {
  describe(formatPluginId(plugin), () => {
    for (const { name, skipped, run } of conformance(plugin, subject)) {
      if (skipped === undefined) it(name, run);
      else it.skip(`${name} (${skipped})`, run);
    }
  });
}
