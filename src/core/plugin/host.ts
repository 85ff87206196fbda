import type { EffectiveConfig } from "../config/effective.js";
import { withDeadline } from "../deadline.js";
import type { Dispatcher } from "../dispatch/dispatcher.js";
import type { EventBus } from "../dispatch/event-bus.js";
import { KataError } from "../errors/error.js";
import type { Logger } from "../log.js";
import type { Scope } from "../scope.js";
import type { Sys } from "../sys/sys.js";
import type { PluginContext, PluginSource, Roots, SandboxInfo, SandboxOpener } from "./context.js";
import { pluginErrors } from "./errors.js";
import { formatPluginId, type PluginInstance } from "./kinds.js";
import type { Registration, Registry } from "./registry.js";
import type { SchemaIssue } from "./standard-schema.js";

/** Milliseconds a plugin's `create` may take. */
const createDeadline = 10_000;

/** What became of a registered plugin, for listings. */
export interface PluginStatus {
  readonly registration: Registration;
  /** How often it was created, and how long the last time took, in milliseconds. */
  readonly created: number;
  readonly ms: number | undefined;
  /** Why it failed the last time it was asked for. */
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
}

/** Whom an instance is made for: it ends with `scope` and sees `config`. */
export interface InstanceOwner {
  readonly scope: Scope;
  readonly config: EffectiveConfig;
  readonly sandbox?: SandboxInfo;
}

function formatIssue(issue: SchemaIssue): string {
  const path = (issue.path ?? []).map((part) => String(typeof part === "object" ? part.key : part)).join(".");
  return path === "" ? issue.message : `${path}: ${issue.message}`;
}

/** Creates plugin instances, each in a scope of its own below its owner's, and remembers what became of them. */
export class PluginHost {
  readonly #parts: HostParts;
  readonly #outcomes = new Map<string, { created: number; ms: number | undefined; error: unknown }>();

  constructor(parts: HostParts) {
    this.#parts = parts;
  }

  /** Instances for one owner. */
  source(owner: InstanceOwner): PluginSource {
    return {
      create: (kind, name, where, input) => this.#create(this.#parts.registry.find(kind, name, where), owner, input),
      all: async <K extends string>(kind: K) => {
        const registrations = this.#parts.registry.ofKind(kind);
        return Promise.all(registrations.map((one) => this.#create<K>(one, owner, undefined)));
      },
    };
  }

  statuses(): PluginStatus[] {
    return this.#parts.registry.list().map((registration) => {
      const outcome = this.#outcomes.get(formatPluginId(registration.id));
      return { registration, created: outcome?.created ?? 0, ms: outcome?.ms, error: outcome?.error };
    });
  }

  async #create<K extends string>(
    registration: Registration,
    owner: InstanceOwner,
    input: unknown,
  ): Promise<PluginInstance<K>> {
    const id = formatPluginId(registration.id);
    const outcome = this.#outcomes.get(id) ?? { created: 0, ms: undefined, error: undefined };
    this.#outcomes.set(id, outcome);
    const scope = owner.scope.child(id);
    const started = performance.now();
    try {
      const config = await this.#validate(registration, owner, input);
      const context = this.#context(registration, owner, scope);
      const instance = await withDeadline(
        { ms: createDeadline, what: `plugin ${id} from ${registration.origin} to be created` },
        async () => registration.plugin.create(context, config),
      );
      outcome.created += 1;
      outcome.ms = performance.now() - started;
      outcome.error = undefined;
      return instance as PluginInstance<K>;
    } catch (error) {
      outcome.error = error;
      await scope.destroy(error);
      if (error instanceof KataError) throw error;
      throw pluginErrors.KATA_PLUGIN_CREATE({ id, origin: registration.origin }, { cause: error });
    }
  }

  #context(registration: Registration, owner: InstanceOwner, scope: Scope): PluginContext {
    const { sys, log, roots, ownsProcess, events, dispatcher, openSandbox } = this.#parts;
    return {
      plugin: registration.id,
      sys,
      log: log.child({
        plugin: formatPluginId(registration.id),
        ...(owner.sandbox && { sandbox: owner.sandbox.id }),
      }),
      scope,
      roots,
      ownsProcess,
      config: owner.config,
      ...(owner.sandbox && { sandbox: owner.sandbox }),
      events,
      dispatcher,
      plugins: this.source({ ...owner, scope }),
      openSandbox,
    };
  }

  async #validate(registration: Registration, owner: InstanceOwner, input: unknown): Promise<unknown> {
    const { kind, name } = registration.id;
    const value = input ?? owner.config.pluginTable(kind, name);
    const result = await registration.plugin.config["~standard"].validate(value);
    if (result.issues === undefined) return result.value;
    const issues = result.issues.map(formatIssue);
    throw pluginErrors.KATA_PLUGIN_CONFIG({ id: formatPluginId(registration.id), issues });
  }
}
