import { existsSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Source } from "../core/config/source.js";
import type { Volume, VolumeRequest } from "../core/contracts/volume.js";
import type { Interceptor } from "../core/dispatch/dispatcher.js";
import { KataError } from "../core/errors/error.js";
import { type Logger, silentLogger } from "../core/log.js";
import {
  execAdded,
  execStarted,
  taskCreated,
  taskDeleted,
  taskExited,
  taskPaused,
  taskResumed,
  taskStarted,
} from "../core/messages/events.js";
import { type CreateTask, createTask, startTask } from "../core/messages/task.js";
import { defaultSpec } from "../core/oci/default-spec.js";
import type { OciMount } from "../core/oci/spec.js";
import type { Plugin } from "../core/plugin/plugin.js";
import { noConfig } from "../core/plugin/standard-schema.js";
import { Runtime } from "../core/runtime/runtime.js";
import type { SandboxRecord } from "../core/sandbox/record.js";
import { FakeAgent } from "./fake-agent.js";
import { FakeCgroupDriver } from "./fake-cgroup.js";
import { FakeHypervisor } from "./fake-hypervisor.js";
import { FakeShareFs } from "./fake-share-fs.js";
import { type FakeSys, fakeSys } from "./fake-sys.js";

/** Lines of TOML that a world's configuration has besides its own. */
export interface FakeWorldToml {
  /** Of `[runtime]`. */
  readonly runtime?: string;
  /** Of `[hypervisor.fake]`. */
  readonly hypervisor?: string;
  /** Tables of other plugins. */
  readonly tables?: string;
}

/** What a world is made with. */
export interface FakeWorldOptions {
  /** Where everything is; the caller's. */
  readonly directory: string;
  /** A runtime handler, and whatever else is not to be a fake: chosen by `toml`, or by what it matches. */
  readonly plugins: readonly Plugin[];
  /** Absent: the configuration that another world has left in the directory, or one with nothing besides the world's own. */
  readonly toml?: FakeWorldToml;
  readonly ownsProcess?: boolean;
  /** Whether systemd runs its host; false when absent. It is never asked, the cgroups being fakes. */
  readonly systemd?: boolean;
  readonly sys?: FakeSys;
  readonly log?: Logger;
  readonly interceptors?: readonly Interceptor[];
  /** In place of the configuration that `toml` makes. */
  readonly configSources?: readonly Source[];
}

const configuration = (
  { plugins }: FakeWorldOptions,
  { runtime = "", hypervisor = "", tables = "" }: FakeWorldToml,
) => {
  const handler = plugins.find(({ kind }) => kind === "handler")?.name ?? "virt_container";
  const chosen = { name: handler, hypervisor_name: "fake", agent_name: "fake", internetworking_model: "none" };
  // What is told counts, also for what the world would choose.
  const own = Object.entries(chosen).filter(([key]) => !new RegExp(`^\\s*${key}\\s*=`, "m").test(runtime));
  return [
    "[runtime]",
    ...own.map(([key, value]) => `${key} = ${JSON.stringify(value)}`),
    runtime,
    "[hypervisor.fake]",
    'shared_fs = "fake"',
    hypervisor,
    tables,
    "",
  ].join("\n");
};

/**
 * A runtime whose machine, agent and storage live in memory, for plugins of a runtime handler's side and for programs that
 * embed one: every message and event passes the real core. A container's life takes some milliseconds, and needs no right.
 */
export class FakeWorld {
  readonly hypervisors: FakeHypervisor[] = [];
  readonly agents: FakeAgent[] = [];
  readonly shares: FakeShareFs[] = [];
  /** What the runtime has told, in order: `create a`, `exit a/exec 0`. */
  readonly events: string[] = [];
  readonly records: SandboxRecord[] = [];
  readonly cgroups = new FakeCgroupDriver();
  readonly sys: FakeSys;
  readonly directory: string;
  readonly runtime: Runtime;
  /** Applied to each agent and hypervisor that is made. */
  prepareAgent: (agent: FakeAgent) => void = () => undefined;
  prepareHypervisor: (hypervisor: FakeHypervisor) => void = () => undefined;
  /** What the volume of a mount has besides. */
  prepareVolume: (mount: OciMount) => Pick<Volume, "sized"> = () => ({});

  constructor(options: FakeWorldOptions) {
    const { directory, plugins, ownsProcess = false, sys = fakeSys(), log = silentLogger } = options;
    const { configSources, interceptors = [] } = options;
    const systemd = options.systemd === true ? directory : join(directory, "nowhere");
    this.directory = directory;
    this.sys = sys;
    const configPath = join(directory, "configuration.toml");
    const isKept = options.toml === undefined && existsSync(configPath);
    if (configSources === undefined && !isKept) {
      writeFileSync(configPath, configuration(options, options.toml ?? {}), { mode: 0o600 });
    }
    this.runtime = new Runtime({
      configPath,
      ...(configSources && { configSources }),
      roots: { run: join(directory, "run"), shared: join(directory, "shared"), systemd },
      ownsProcess,
      sys,
      log,
      interceptors,
      plugins: [...plugins, ...this.#fakes()].map((plugin) => ({ plugin, origin: "the world of the test" })),
    });
    this.#listen();
  }

  get agent(): FakeAgent {
    return theLast(this.agents, "agent");
  }

  get hypervisor(): FakeHypervisor {
    return theLast(this.hypervisors, "hypervisor");
  }

  /** What a container that sleeps is created with. */
  request(containerId: string, annotations: Readonly<Record<string, string>> = {}): CreateTask {
    const spec = defaultSpec({ rootPath: "/root", args: ["sleep"], annotations: { ...annotations } });
    return { containerId, bundle: "/bundle", spec, rootfs: [], io: { terminal: false } };
  }

  create(containerId: string, annotations?: Readonly<Record<string, string>>): Promise<{ pid: number }> {
    return this.runtime.request(createTask(this.request(containerId, annotations)));
  }

  async run(containerId: string, annotations?: Readonly<Record<string, string>>): Promise<void> {
    await this.create(containerId, annotations);
    await this.runtime.request(startTask({ containerId, execId: "" }));
  }

  /** Entries below the run directory. */
  async left(): Promise<string[]> {
    return readdir(join(this.directory, "run"), { recursive: true }).catch(() => []);
  }

  #fakes(): Plugin[] {
    const passThrough = {
      prepare: async () => ({ mounts: [] }),
      adopt: async () => undefined,
      cleanup: async () => undefined,
    };
    const make = <T>(list: T[], one: T, prepare: (one: T) => void): T => {
      prepare(one);
      list.push(one);
      return one;
    };
    const fake = (kind: string, create: Plugin["create"]): Plugin => ({
      api: 1,
      kind,
      name: "fake",
      config: noConfig,
      create,
    });
    return [
      fake("hypervisor", ({ sandbox }) => {
        if (sandbox !== undefined) this.records.push(sandbox.record);
        return make(this.hypervisors, new FakeHypervisor(), this.prepareHypervisor);
      }),
      fake("agent", () => make(this.agents, new FakeAgent(), this.prepareAgent)),
      fake("share-fs", () => make(this.shares, new FakeShareFs(), () => undefined)),
      fake("rootfs", () => ({
        name: "fake",
        match: () => 1,
        create: () => ({ ...passThrough, name: "rootfs", prepare: async () => ({ guestPath: "/root" }) }),
      })),
      fake("cgroup", () => this.cgroups),
      fake("volume", () => ({
        name: "fake",
        match: () => 1,
        create: ({ index, mount }: VolumeRequest) => ({
          ...passThrough,
          name: `volume ${index}`,
          ...this.prepareVolume(mount),
        }),
      })),
    ];
  }

  #listen(): void {
    const { events } = this.runtime;
    const tell = (line: string): void => void this.events.push(line);
    events.subscribe(taskCreated, "test", (e) => tell(`create ${e.containerId}`));
    events.subscribe(taskStarted, "test", (e) => tell(`start ${e.containerId}`));
    events.subscribe(taskExited, "test", ({ id, exit }) => {
      tell(`exit ${id.containerId}${id.execId && `/${id.execId}`} ${exit.status}`);
    });
    events.subscribe(taskDeleted, "test", (e) => tell(`delete ${e.containerId}`));
    events.subscribe(execAdded, "test", (e) => tell(`exec-added ${e.execId}`));
    events.subscribe(execStarted, "test", (e) => tell(`exec-started ${e.execId}`));
    events.subscribe(taskPaused, "test", (e) => tell(`paused ${e.containerId}`));
    events.subscribe(taskResumed, "test", (e) => tell(`resumed ${e.containerId}`));
  }
}

function theLast<T>(list: readonly T[], what: string): T {
  const last = list.at(-1);
  if (last === undefined) throw new KataError("KATA_FAKE", "NOT_FOUND", `no ${what} was made`);
  return last;
}

/** Annotations of a pod's container, as CRI has them: its role is `sandbox` or `container`. */
export const podAnnotations = (role: "sandbox" | "container", pod = "pod"): Readonly<Record<string, string>> => ({
  "io.kubernetes.cri.container-type": role,
  "io.kubernetes.cri.sandbox-id": pod,
});
