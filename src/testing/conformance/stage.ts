import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeError } from "../../core/errors/error.js";
import { type Logger, silentLogger } from "../../core/log.js";
import type { PluginContext, Roots, SandboxEnvironment, SandboxOpener } from "../../core/plugin/context.js";
import type { PluginHost } from "../../core/plugin/host.js";
import { kindName } from "../../core/plugin/kinds.js";
import { definePlugin, type Plugin } from "../../core/plugin/plugin.js";
import { noConfig } from "../../core/plugin/standard-schema.js";
import { Runtime } from "../../core/runtime/runtime.js";
import type { Scope } from "../../core/scope.js";
import { createLinuxSys } from "../../core/sys/linux/index.js";
import { type FakeSys, fakeSys } from "../fake-sys.js";
import type { Subject } from "./check.js";
import { descriptors, leftovers, traces, type Traces } from "./leftovers.js";

/** What configuration selects the tried plugin with, where its kind is one that configuration selects. */
const selected: Readonly<Record<string, (name: string) => string>> = {
  hypervisor: (name) => `hypervisor_name = "${name}"`,
  agent: (name) => `agent_name = "${name}"`,
};

function configuration(plugin: Plugin, { toml = "", runtime: more = "" }: Subject): string {
  const { name } = plugin;
  const kind = kindName(plugin.kind);
  const runtime = ["[runtime]", 'name = "stage"', 'internetworking_model = "none"', selected[kind]?.(name) ?? "", more];
  // A handler's keys are those of the runtime; a service's are given by the program.
  const table = ["handler", "service"].includes(kind) ? [] : [`[${kind}.${name}]`];
  return [...runtime, ...table, toml, ""].join("\n");
}

/** Directories of a trial in the place of the host's, which its plugin would read, or write to. */
const ownRoots = (directory: string) => ({
  cgroup: join(directory, "cgroup"),
  sysfs: join(directory, "sys"),
  directVolumes: join(directory, "direct-volumes"),
});

/** A runtime handler that does nothing but to give away what it was made with. */
const stageHandler = (take: (context: PluginContext) => void): Plugin =>
  definePlugin({
    api: 1,
    kind: "handler",
    name: "stage",
    config: noConfig,
    create: (context) => {
      take(context);
      return {
        name: "stage",
        register: () => undefined,
        close: async () => undefined,
        destroy: async () => undefined,
      };
    },
  });

interface StageParts {
  readonly sys: FakeSys;
  readonly directory: string;
  readonly roots: Roots;
  readonly environment: SandboxEnvironment;
  readonly plugins: Pick<PluginHost, "source">;
  readonly openSandbox: SandboxOpener;
  /** Ends what is beneath the sandbox. */
  readonly end: () => Promise<void>;
}

/** An instance of a plugin, with the scope it lives in. */
export interface Made<I> {
  readonly instance: I;
  readonly scope: Scope;
}

/**
 * Where one promise of a plugin is tried: a sandbox in a runtime of its own, with directories of its own, a kernel that notes
 * what it is asked, and nothing of any other try.
 */
export class Stage<S extends Subject, I> {
  readonly subject: S;
  readonly sys: FakeSys;
  readonly directory: string;
  readonly roots: Roots;
  readonly environment: SandboxEnvironment;
  readonly #plugin: Plugin;
  readonly #parts: StageParts;
  #before: Traces;
  readonly #others = new Set<() => readonly string[]>();
  #made = 0;

  private constructor(plugin: Plugin, subject: S, parts: StageParts) {
    this.#plugin = plugin;
    this.subject = subject;
    this.#parts = parts;
    this.environment = parts.environment;
    this.roots = parts.roots;
    this.sys = parts.sys;
    this.directory = parts.directory;
    this.#before = traces(this);
  }

  /** `log` gets what the plugin says. */
  static async open<S extends Subject, I>(
    plugin: Plugin,
    subject: S,
    log: Logger = silentLogger,
  ): Promise<Stage<S, I>> {
    const directory = await mkdtemp(join(tmpdir(), "kata-ts-stage-"));
    const sys = fakeSys(subject.sys === "real" ? { parts: createLinuxSys() } : {});
    let context: PluginContext | undefined;
    const configPath = join(directory, "configuration.toml");
    await writeFile(configPath, configuration(plugin, subject), { mode: 0o600 });
    const runtime = new Runtime({
      configPath,
      roots: {
        run: join(directory, "run"),
        shared: join(directory, "shared"),
        // Never the host's own where its kernel is pretended.
        ...(subject.sys !== "real" && ownRoots(directory)),
        ...subject.roots,
      },
      sys,
      log,
      plugins: [plugin, ...(subject.plugins ?? []), stageHandler((given) => (context = given))].map((one) => ({
        plugin: one,
        origin: "the conformance suite",
      })),
    });
    try {
      await subject.arrange?.({ directory, sys });
      await runtime.activate();
      if (context === undefined) throw new Error("the handler of the stage was not created");
      const { roots, openSandbox } = context;
      const environment = await openSandbox({ id: "sandbox", annotations: {} });
      const { plugins } = runtime;
      const end = async (): Promise<void> => {
        await runtime.close();
        await rm(directory, { recursive: true, force: true });
      };
      return new Stage(plugin, subject, { environment, roots, sys, directory, plugins, openSandbox, end });
    } catch (error) {
      await runtime.destroy(error);
      await rm(directory, { recursive: true });
      throw error;
    }
  }

  /** A stage in another sandbox of the same runtime, to be closed before this one. */
  async beside(): Promise<Stage<S, I>> {
    const environment = await this.#parts.openSandbox({ id: "other", annotations: {} });
    return new Stage(this.#plugin, this.subject, { ...this.#parts, environment, end: async () => undefined });
  }

  /** Has `left` look at more; answers what ends that. */
  also(look: () => readonly string[]): () => void {
    this.#others.add(look);
    return () => void this.#others.delete(look);
  }

  /** The process that has made all so far is killed: its descriptors would be closed, and are not looked for any more. */
  kill(): void {
    this.#before = new Set([...this.#before, ...descriptors()]);
  }

  /** Makes an instance. */
  async make(): Promise<Made<I>> {
    const { scope: sandbox, config, info } = this.environment;
    const scope = sandbox.child(`instance ${++this.#made}`);
    const source = this.#parts.plugins.source({ scope, config, sandbox: info });
    const { kind, name } = this.#plugin;
    const input = this.subject.input?.(this);
    const instance = await source.create(kind, name, "tried by the conformance suite", input);
    return { instance: instance as I, scope };
  }

  async instance(): Promise<I> {
    return (await this.make()).instance;
  }

  /** What is there that was not when the stage was opened: of the host, and in the notes of what a crash would leave. */
  async left(): Promise<string[]> {
    const { processes, paths, network } = this.environment.info.record.content;
    return [
      ...(await leftovers(this.#before, this)),
      ...processes.map(({ name }) => `the note of the process ${name}`),
      ...paths.map(({ kind, path }) => `the note of the ${kind} ${path}`),
      ...network.map((noted) => `the note of the network's ${JSON.stringify(noted)}`),
      ...[...this.#others].flatMap((look) => look()),
    ];
  }

  /** Ends everything, and says what is left then. */
  async close(): Promise<string[]> {
    const problems: string[] = [];
    const end = async (what: string, act: () => Promise<unknown>): Promise<void> => {
      await act().catch((error: unknown) => problems.push(`${what}: ${describeError(error)}`));
    };
    await end("the end of its scope", () => this.environment.scope.close());
    problems.push(...(await this.left()).map((trace) => `it has left ${trace}`));
    await end("the end of the runtime", () => this.#parts.end());
    return problems;
  }
}
