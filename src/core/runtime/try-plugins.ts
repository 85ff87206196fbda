import type { SandboxEnvironment, SandboxOpener } from "../plugin/context.js";
import type { PluginHost, PluginStatus } from "../plugin/host.js";
import { kindTable } from "../plugin/kind-table.js";
import { kindName, type KindRef, type Selection } from "../plugin/kinds.js";
import type { LoadRoot } from "../plugin/load-tree.js";
import type { Registry } from "../plugin/registry.js";

/** What came of trying plugins: as they were when all were made. */
export interface PluginTrial {
  readonly tree: readonly LoadRoot[];
  readonly statuses: readonly PluginStatus[];
  /** What kept the plugin that configuration chooses for a kind from being made, by the kind's name. */
  readonly failures: ReadonlyMap<string, unknown>;
}

/** What a trial needs of the runtime. */
export interface TrialParts {
  readonly registry: Registry;
  readonly host: PluginHost;
  readonly openSandbox: SandboxOpener;
}

/** The sandbox that is none. */
const id = "trial";

/**
 * Makes an instance of every plugin that the configuration chooses for a sandbox, and of every one that takes part by
 * `match`, in a sandbox that is ended again: nothing is started. A plugin that fails is no error here; it is in the result.
 */
export async function tryPlugins({ registry, host, openSandbox }: TrialParts): Promise<PluginTrial> {
  const env = await openSandbox({ id, annotations: {} });
  try {
    // The process has its handler already.
    const ofCore = Object.keys(kindTable).filter((kind) => kind !== "handler");
    const kinds: KindRef[] = [...ofCore, ...registry.kinds.defined];
    const failures = new Map<string, unknown>();
    for (const kind of kinds) {
      const attempt = tryKind(env, kind, registry.kinds.selection(kind));
      await attempt.catch((error: unknown) => failures.set(kindName(kind), error));
    }
    return { tree: host.tree(), statuses: host.statuses(), failures };
  } finally {
    await env.scope.close();
  }
}

async function tryKind({ plugins }: SandboxEnvironment, kind: KindRef, { by }: Selection): Promise<void> {
  if (by === "match") await plugins.all(kind);
  if (by === "key") await plugins.chosen(kind);
}
