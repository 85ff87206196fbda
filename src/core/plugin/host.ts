import type { EffectiveConfig } from "../config/effective.js";
import type { Dispatcher } from "../dispatch/dispatcher.js";
import type { EventBus } from "../dispatch/event-bus.js";
import { codeOf, describeError, KataError } from "../errors/error.js";
import type { Logger } from "../log.js";
import type { Scope } from "../scope.js";
import type { Sys } from "../sys/sys.js";
import { checkedConfig } from "./checked-config.js";
import { choiceOf } from "./choice.js";
import type { PluginContext, PluginSource, Roots, SandboxInfo, SandboxOpener } from "./context.js";
import { assertInstance, Creation } from "./creation.js";
import { type Culprit, runAs } from "./culprit.js";
import { pluginErrors, type Skipped } from "./errors.js";
import { guardInstance } from "./guard.js";
import { type ChosenInstance, formatPluginId, kindName, type KindRef, type PluginInstance } from "./kinds.js";
import { type LoadEntry, type LoadRoot, LoadTree } from "./load-tree.js";
import type { Candidates } from "./match.js";
import type { Registration, Registry } from "./registry.js";

/** Milliseconds of its own that a plugin's `create` may take, unless the program says otherwise. */
const createTime = 10_000;

/** What became of a registered plugin, for listings. */
export interface PluginStatus {
  readonly registration: Registration;
  /** How often it was created, and how long the last time took, in milliseconds. */
  readonly created: number;
  readonly ms: number | undefined;
  /** Why it failed the last time it was asked for, or was matched. */
  readonly error: unknown;
}

/** What every plugin of a process shares. */
export interface HostParts {
  readonly registry: Registry;
  readonly sys: Sys;
  readonly log: Logger;
  readonly roots: Roots;
  readonly ownsProcess: boolean;
  readonly events: EventBus;
  readonly dispatcher: Dispatcher;
  readonly openSandbox: SandboxOpener;
  /** Milliseconds of its own that a plugin's `create` may take; 10 000 when absent. */
  readonly createTime?: number;
}

/** Whom an instance is made for: it ends with `scope` and sees `config`. */
export interface InstanceOwner {
  readonly scope: Scope;
  readonly config: EffectiveConfig;
  readonly sandbox?: SandboxInfo;
}

/** Who asks for plugins. */
interface Asker extends InstanceOwner {
  readonly entry: LoadEntry;
  /** Absent for the owner itself. */
  readonly creation?: Creation;
}

interface Outcome {
  created: number;
  ms: number | undefined;
  error: unknown;
}

/** Creates plugin instances, each in a scope of its own below its owner's, and remembers what became of them. */
export class PluginHost {
  readonly #parts: HostParts;
  readonly #outcomes = new Map<string, Outcome>();
  readonly #tree = new LoadTree();
  /** Errors of plugins that configuration chooses. */
  readonly #ofChosen = new WeakSet<Error>();

  constructor(parts: HostParts) {
    this.#parts = parts;
  }

  /** Instances for one owner. */
  source(owner: InstanceOwner): PluginSource {
    return this.#source({ ...owner, entry: this.#tree.root(owner.scope) });
  }

  statuses(): PluginStatus[] {
    return this.#parts.registry.list().map((registration) => {
      const outcome = this.#outcomes.get(formatPluginId(registration.id));
      return { registration, created: outcome?.created ?? 0, ms: outcome?.ms, error: outcome?.error };
    });
  }

  /** Who asked for whom, of every owner that has not ended. */
  tree(): LoadRoot[] {
    return this.#tree.list();
  }

  #source(asker: Asker): PluginSource {
    const { registry } = this.#parts;
    const matched = new Map<string, Promise<Candidates<unknown>>>();
    const create = <K extends KindRef>(kind: K, name: string, where: string, input?: unknown) =>
      this.#create(registry.find(kindName(kind), name, where), where, asker, input) as Promise<PluginInstance<K>>;
    return {
      create: async (kind, name, where, input) => create(kind, name, where, input),
      chosen: async <K extends KindRef>(kind: K) => {
        const choice = choiceOf(asker.config, registry.kinds.selection(kind));
        if (choice === undefined) return undefined as ChosenInstance<K>;
        try {
          return (await create(kind, choice.name, choice.where)) as ChosenInstance<K>;
        } catch (error) {
          this.#ofChosen.add(error as Error);
          throw error;
        }
      },
      all: <K extends KindRef>(kind: K) => {
        const name = kindName(kind);
        let made = matched.get(name);
        if (made === undefined) matched.set(name, (made = this.#all(name, asker)));
        return made as Promise<Candidates<PluginInstance<K>>>;
      },
    };
  }

  /** Those of a kind that can be made; the others are left out, with a warning. */
  async #all(kind: string, asker: Asker): Promise<Candidates<unknown>> {
    const skipped: Skipped[] = [];
    const made: unknown[] = [];
    const skip = ({ id }: Registration, error: unknown): void => {
      const plugin = formatPluginId(id);
      this.#outcome(plugin).error = error;
      if (skipped.some(({ name }) => name === id.name)) return;
      const reason = describeError(error);
      skipped.push({ name: id.name, reason });
      this.#parts.log.warn("a plugin is left out: it failed", {
        plugin,
        ...(asker.sandbox && { sandbox: asker.sandbox.id }),
        reason,
      });
    };
    const attempts = this.#parts.registry.ofKind(kind).map(async (one) => {
      try {
        return [await this.#create(one, "by match", asker, undefined, (error) => skip(one, error))];
      } catch (error) {
        if (this.#insists(error, asker)) throw error;
        skip(one, error);
        return [];
      }
    });
    for (const instances of await Promise.all(attempts)) made.push(...instances);
    return Object.assign(made, { skipped });
  }

  /**
   * Whether an error is not to be passed over although the plugin could be left out: what it needed of those that
   * configuration chooses is not there, or whoever asks is in a circle with it, and is to be told.
   */
  #insists(error: unknown, { creation }: Asker): boolean {
    if (codeOf(error) === "KATA_PLUGIN_CYCLE" && creation !== undefined) return true;
    for (let one = error; one instanceof Error; one = one.cause) if (this.#ofChosen.has(one)) return true;
    return false;
  }

  #outcome(id: string): Outcome {
    let outcome = this.#outcomes.get(id);
    if (outcome === undefined) this.#outcomes.set(id, (outcome = { created: 0, ms: undefined, error: undefined }));
    return outcome;
  }

  /** `unmatched` is told of errors of the instance's `match`, which gives 0 then. */
  async #create(
    registration: Registration,
    where: string,
    asker: Asker,
    input: unknown,
    unmatched?: (error: unknown) => void,
  ): Promise<unknown> {
    const id = formatPluginId(registration.id);
    const outcome = this.#outcome(id);
    const entry = asker.entry.child(id, registration.origin, where);
    const creation = new Creation(registration, this.#parts.createTime ?? createTime, entry, asker.creation);
    const scope = asker.scope.child(id);
    const started = performance.now();
    try {
      creation.assertNoCycle();
      this.#parts.registry.checkRequirements(registration);
      const instance = await creation.run(() => this.#make(registration, { ...asker, scope, entry, creation }, input));
      outcome.created += 1;
      outcome.error = undefined;
      entry.instances += 1;
      entry.state = "created";
      return guardInstance(instance, registration.id.kind, culpritOf(registration, asker), {
        ...(unmatched && { match: (call) => scoreOf(registration, call, unmatched) }),
      });
    } catch (error) {
      outcome.error = error;
      entry.state = "failed";
      entry.error = error;
      await scope.destroy(error);
      if (error instanceof KataError) throw error;
      throw pluginErrors.KATA_PLUGIN_CREATE({ id, origin: registration.origin, where }, { cause: error });
    } finally {
      entry.ms = outcome.ms = performance.now() - started;
      entry.ownMs = creation.time.spent;
    }
  }

  async #make(registration: Registration, asker: Asker, input: unknown): Promise<unknown> {
    const started = performance.now();
    const culprit = culpritOf(registration, asker);
    const config = await runAs(culprit, () => checkedConfig(registration, asker.config, input));
    asker.entry.configMs = performance.now() - started;
    const context = this.#context(registration, asker);
    const instance = await runAs(culprit, async () => registration.plugin.create(context, config));
    assertInstance(registration, instance);
    return instance;
  }

  #context(registration: Registration, asker: Asker): PluginContext {
    const { sys, log, roots, ownsProcess, events, dispatcher, openSandbox } = this.#parts;
    const { scope, config, sandbox } = asker;
    return {
      plugin: registration.id,
      sys,
      log: log.child({ plugin: formatPluginId(registration.id), ...(sandbox && { sandbox: sandbox.id }) }),
      scope,
      roots,
      ownsProcess,
      config,
      ...(sandbox && { sandbox }),
      events,
      dispatcher,
      plugins: this.#source(asker),
      openSandbox,
    };
  }
}

function culpritOf({ id, origin }: Registration, { sandbox }: InstanceOwner): Culprit {
  return { id: formatPluginId(id), origin, ...(sandbox && { sandbox: sandbox.id }) };
}

/** What a plugin's `match` gives; 0, and `failed` is told, when that is no number. */
function scoreOf({ id, origin }: Registration, call: () => unknown, failed: (error: unknown) => void): number {
  const broken = (problem: string, cause?: unknown) =>
    pluginErrors.KATA_PLUGIN_MATCH({ id: formatPluginId(id), origin, problem }, { cause });
  try {
    const score = call();
    if (typeof score === "number" && !Number.isNaN(score)) return score;
    failed(broken(`gave ${String(score)}`));
  } catch (error) {
    failed(broken("threw an error", error));
  }
  return 0;
}
