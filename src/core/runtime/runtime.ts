import { firstValueFrom } from "rxjs";
import type { EffectiveConfig } from "../config/effective.js";
import { type ConfigDocument, type ConfigOverride, documentOf, effectiveConfig, readConfig } from "../config/load.js";
import { extensionsOf } from "../config/plugin-schema.js";
import { formatChoice, type Source } from "../config/source.js";
import type { RuntimeHandler } from "../contracts/runtime-handler.js";
import type { Service } from "../contracts/service.js";
import { DeprecationLog } from "../deprecation.js";
import { Dispatcher, type Interceptor } from "../dispatch/dispatcher.js";
import { EventBus } from "../dispatch/event-bus.js";
import { logRequests } from "../dispatch/interceptors.js";
import type { Message } from "../dispatch/message.js";
import { type Logger, silentLogger } from "../log.js";
import type { Roots, SandboxOpener, SandboxRequest } from "../plugin/context.js";
import { PluginHost } from "../plugin/host.js";
import { type Importer, loadPlugins } from "../plugin/loader.js";
import type { Plugin } from "../plugin/plugin.js";
import { Registry } from "../plugin/registry.js";
import { Scope } from "../scope.js";
import { createLinuxSys } from "../sys/linux/index.js";
import type { Sys } from "../sys/sys.js";
import { runtimeErrors } from "./errors.js";
import { defaultRoots } from "./roots.js";
import { LateErrors } from "./late-errors.js";
import { openSandbox } from "./sandbox-opener.js";
import { type PluginTrial, tryPlugins } from "./try-plugins.js";

/** Options of a runtime; everything has a default that suits a process of root on Linux. */
export interface RuntimeOptions {
  /** Plugins besides those that configuration names, mostly the built-in ones, and where they come from. */
  readonly plugins: readonly { readonly plugin: Plugin; readonly origin: string }[];
  /** `configuration.toml`; searched for at the usual places when absent. */
  readonly configPath?: string;
  /** Texts to be taken for the configuration, instead of any file: those that a sandbox was made with which is recovered. */
  readonly configSources?: readonly Source[];
  /** Values that count more than any file, such as those of command line flags. */
  readonly overrides?: readonly ConfigOverride[];
  /** Keeps ids of different users apart: containerd's namespace. `default` when absent. */
  readonly namespace?: string;
  readonly roots?: Partial<Roots>;
  /** This process is there for one sandbox alone, and may be moved into its cgroup; false when absent. */
  readonly ownsProcess?: boolean;
  readonly sys?: Sys;
  readonly log?: Logger;
  readonly interceptors?: readonly Interceptor[];
  readonly importer?: Importer;
  /** Milliseconds of its own that a plugin's `create` may take; 10 000 when absent. */
  readonly createTime?: number;
}

/**
 * The runtime put together: plugins, dispatcher, events, and one runtime handler, chosen by configuration when the first
 * message arrives. The library's main entry; every program here is written over it.
 */
export class Runtime {
  readonly dispatcher: Dispatcher;
  readonly events: EventBus;
  readonly registry = new Registry();
  readonly namespace: string;
  readonly #options: RuntimeOptions;
  readonly #scope = Scope.root("runtime");
  readonly #host: PluginHost;
  readonly #openSandbox: SandboxOpener;
  readonly #late: LateErrors;
  readonly #services: Service[] = [];
  readonly #packages = new Map<string, Promise<void>>();
  readonly #deprecations: DeprecationLog;
  #activation: Promise<RuntimeHandler> | undefined;

  constructor(options: RuntimeOptions) {
    const log = options.log ?? silentLogger;
    const roots: Roots = { ...defaultRoots, ...options.roots };
    const sys = options.sys ?? createLinuxSys();
    this.#options = options;
    this.namespace = options.namespace ?? "default";
    this.#late = new LateErrors(log);
    this.events = new EventBus(log);
    this.#deprecations = new DeprecationLog((text) => log.warn(text));
    this.dispatcher = new Dispatcher({
      interceptors: [logRequests(log), ...(options.interceptors ?? [])],
      activate: async (message) => {
        await this.activate(configPathOf(message));
      },
    });
    this.#openSandbox = (request) =>
      openSandbox(
        {
          scope: this.#scope,
          sys,
          roots,
          namespace: this.namespace,
          log,
          host: () => this.#host,
          broken: (sandbox, scope) => this.#late.listen(sandbox, scope),
          loadConfig: (wanted) => this.#sandboxConfig(wanted),
        },
        request,
      );
    this.#host = new PluginHost({
      registry: this.registry,
      sys,
      log,
      roots,
      ownsProcess: options.ownsProcess ?? false,
      events: this.events,
      dispatcher: this.dispatcher,
      ...(options.createTime !== undefined && { createTime: options.createTime }),
      openSandbox: this.#openSandbox,
    });
    for (const { plugin, origin } of options.plugins) this.registry.register(plugin, origin);
  }

  /** What became of each plugin so far. */
  get plugins(): PluginHost {
    return this.#host;
  }

  /** The configuration as a sandbox without annotations gets it. Loads the plugin packages it names first. */
  async config(configPath?: string): Promise<EffectiveConfig> {
    const document = await this.#readConfig(configPath);
    await this.#loadPackages(document);
    return this.#effective(document, {});
  }

  /**
   * Makes an instance of every plugin that is chosen, or takes part by `match`, in a sandbox that is none, to see which
   * cannot be. Nothing is started, and nothing stays.
   */
  async tryPlugins(): Promise<PluginTrial> {
    await this.activate();
    return tryPlugins({ registry: this.registry, host: this.#host, openSandbox: this.#openSandbox });
  }

  /**
   * Creates a service; its configuration comes from the program. One that the program does not have is looked for in the
   * packages that the configuration names. The caller starts it; `close` ends it.
   */
  async createService(name: string, options: unknown): Promise<Service> {
    // Those that come with the program must be there whatever configuration says; it may bring along others.
    if (!this.registry.ofKind("service").some(({ id }) => id.name === name)) await this.config();
    const builtIn = await readConfig({ searchPaths: [], env: {} });
    const config = effectiveConfig(builtIn, { checkFiles: false });
    const source = this.#host.source({ scope: this.#scope, config });
    const service = await source.create("service", name, "asked for by the program", options);
    this.#services.push(service);
    return service;
  }

  /**
   * For the handlers of `uncaughtException` and `unhandledRejection` that `catchLateErrors` installs: true when the error came
   * from a plugin of one sandbox, which ends with it. False: the process is not to go on.
   */
  contain(error: unknown): boolean {
    return this.#late.contain(error);
  }

  /** Sends a message and waits for its one answer: `await runtime.request(createTask({ … }))`. */
  request<Request, Answer>(message: Message<Request, Answer>): Promise<Answer> {
    return firstValueFrom(this.dispatcher.request(message));
  }

  /** Loads the configuration's plugins and creates the runtime handler; once, whoever asks first. */
  activate(configPath?: string): Promise<RuntimeHandler> {
    if (this.#scope.closed) throw runtimeErrors.KATA_RUNTIME_CLOSED({});
    this.#activation ??= this.#activate(configPath).catch((error: unknown) => {
      this.#activation = undefined;
      throw error;
    });
    return this.#activation;
  }

  /** Ends services, then sandboxes, then everything else, in good order; all tried, errors gathered. */
  close(): Promise<void> {
    return this.#end(
      (part) => part.close(),
      () => this.#scope.close(),
    );
  }

  /** Ends everything now, because of `reason`. */
  destroy(reason: unknown): Promise<void> {
    return this.#end(
      (part) => part.destroy(reason),
      () => this.#scope.destroy(reason),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #activate(configPath: string | undefined): Promise<RuntimeHandler> {
    const config = await this.config(configPath);
    this.registry.freeze();
    const source = this.#host.source({ scope: this.#scope, config });
    const handler = await source.create("handler", config.runtime.name, formatChoice(config, "runtime.name"));
    handler.register(this.dispatcher);
    return handler;
  }

  async #readConfig(configPath: string | undefined): Promise<ConfigDocument> {
    const { configPath: path, configSources } = this.#options;
    if (configSources !== undefined) return documentOf(configSources);
    return readConfig({ ...(path !== undefined && { path }), ...(configPath !== undefined && { configPath }) });
  }

  #effective(document: ConfigDocument, annotations: Readonly<Record<string, string>>): EffectiveConfig {
    const extensions = extensionsOf(this.registry.list());
    const { overrides } = this.#options;
    const kinds = this.registry.kinds.defined;
    const config = effectiveConfig(document, { annotations, extensions, kinds, ...(overrides && { overrides }) });
    const plugins = this.registry.list().flatMap(({ deprecated }) => deprecated ?? []);
    this.#deprecations.note([...plugins, ...config.deprecated]);
    return config;
  }

  /** Loads what the first configuration names; later ones find the registry frozen and may name the same only. */
  async #loadPackages(document: ConfigDocument): Promise<void> {
    const { names, file } = document.plugins;
    const importer = this.#options.importer ?? ((url: string) => import(url));
    for (const name of names) {
      let loading = this.#packages.get(name);
      if (loading === undefined) {
        loading = loadPlugins(this.registry, { names: [name], file }, { importer });
        this.#packages.set(name, loading);
        // The next to ask tries again: the package may have been repaired.
        loading.catch(() => this.#packages.delete(name));
      }
      await loading;
    }
  }

  async #sandboxConfig(request: SandboxRequest): Promise<EffectiveConfig> {
    const document = await this.#readConfig(request.configPath);
    await this.#loadPackages(document);
    return this.#effective(document, request.annotations);
  }

  async #end(endPart: (part: Service | RuntimeHandler) => Promise<void>, endScope: () => Promise<void>): Promise<void> {
    const errors: unknown[] = [];
    const gather = (error: unknown) => void errors.push(error);
    for (const service of this.#services.splice(0).toReversed()) await endPart(service).catch(gather);
    const handler = await this.#activation?.catch(() => undefined);
    if (handler) await endPart(handler).catch(gather);
    await endScope().catch(gather);
    this.events.close();
    if (errors.length > 0) throw new AggregateError(errors, `ending the runtime left ${errors.length} error(s)`);
  }
}

function configPathOf(message: Message<unknown, unknown>): string | undefined {
  const { payload } = message;
  if (typeof payload !== "object" || payload === null || !("configPath" in payload)) return undefined;
  return typeof payload.configPath === "string" ? payload.configPath : undefined;
}
