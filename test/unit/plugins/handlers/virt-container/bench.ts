import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Source } from "../../../../../src/core/config/source.js";
import {
  execAdded,
  execStarted,
  taskCreated,
  taskDeleted,
  taskExited,
  taskPaused,
  taskResumed,
  taskStarted,
} from "../../../../../src/core/messages/events.js";
import { type CreateTask, createTask, startTask } from "../../../../../src/core/messages/task.js";
import { defaultSpec } from "../../../../../src/core/oci/default-spec.js";
import { definePlugin } from "../../../../../src/core/plugin/plugin.js";
import { noConfig } from "../../../../../src/core/plugin/standard-schema.js";
import { Runtime } from "../../../../../src/core/runtime/runtime.js";
import type { SandboxRecord } from "../../../../../src/core/sandbox/record.js";
import { plugin as virtContainer } from "../../../../../src/plugins/handlers/virt-container/index.js";
import { FakeAgent } from "../../../../../src/testing/fake-agent.js";
import { FakeCgroupDriver } from "../../../../../src/testing/fake-cgroup.js";
import { FakeHypervisor } from "../../../../../src/testing/fake-hypervisor.js";
import { FakeShareFs } from "../../../../../src/testing/fake-share-fs.js";
import { type FakeSys, fakeSys } from "../../../../../src/testing/fake-sys.js";

const toml = `
[runtime]
name = "virt_container"
hypervisor_name = "fake"
agent_name = "fake"
internetworking_model = "none"
[hypervisor.fake]
shared_fs = "fake"
[agent.fake]
`;

/** What a bench has besides the usual. */
export interface BenchOptions {
  readonly ownsProcess?: boolean;
  /** Lines of tables of its configuration. */
  readonly runtime?: string;
  readonly hypervisor?: string;
}

function tomlWith({ runtime = "", hypervisor = "" }: BenchOptions): string {
  return toml
    .replace("[hypervisor.fake]\n", `${runtime}\n[hypervisor.fake]\n`)
    .replace("[agent.fake]\n", `${hypervisor}\n[agent.fake]\n`);
}

/** A runtime whose machine, agent and storage live in memory; every message and event passes the real core. */
export class Bench {
  readonly hypervisors: FakeHypervisor[] = [];
  readonly agents: FakeAgent[] = [];
  readonly shares: FakeShareFs[] = [];
  readonly events: string[] = [];
  readonly records: SandboxRecord[] = [];
  readonly cgroups = new FakeCgroupDriver();
  readonly sys: FakeSys = fakeSys();
  /** Applied to each agent and hypervisor that is made. */
  prepareAgent: (agent: FakeAgent) => void = () => undefined;
  prepareHypervisor: (hypervisor: FakeHypervisor) => void = () => undefined;
  readonly runtime: Runtime;

  private constructor(
    readonly directory: string,
    readonly ownsProcess: boolean,
    configSources?: readonly Source[],
  ) {
    const builtin = (plugin: Parameters<typeof definePlugin>[0]) => ({ plugin: definePlugin(plugin), origin: "test" });
    const make = <T>(list: T[], one: T, prepare: (one: T) => void): T => {
      prepare(one);
      list.push(one);
      return one;
    };
    const passThrough = {
      prepare: async () => ({ mounts: [] }),
      adopt: async () => undefined,
      cleanup: async () => undefined,
    };
    this.runtime = new Runtime({
      configPath: join(directory, "configuration.toml"),
      ...(configSources && { configSources }),
      roots: { run: join(directory, "run"), shared: join(directory, "shared") },
      ownsProcess,
      sys: this.sys,
      plugins: [
        { plugin: virtContainer, origin: "test" },
        builtin({
          api: 1,
          kind: "hypervisor",
          name: "fake",
          config: noConfig,
          create: ({ sandbox }) => {
            if (sandbox !== undefined) this.records.push(sandbox.record);
            return make(this.hypervisors, new FakeHypervisor(), this.prepareHypervisor);
          },
        }),
        builtin({
          api: 1,
          kind: "agent",
          name: "fake",
          config: noConfig,
          create: () => make(this.agents, new FakeAgent(), this.prepareAgent),
        }),
        builtin({
          api: 1,
          kind: "share-fs",
          name: "fake",
          config: noConfig,
          create: () => make(this.shares, new FakeShareFs(), () => undefined),
        }),
        builtin({
          api: 1,
          kind: "rootfs",
          name: "fake",
          config: noConfig,
          create: () => ({
            name: "fake",
            match: () => 1,
            create: () => ({ ...passThrough, name: "rootfs", prepare: async () => ({ guestPath: "/root" }) }),
          }),
        }),
        builtin({ api: 1, kind: "cgroup", name: "fake", config: noConfig, create: () => this.cgroups }),
        builtin({
          api: 1,
          kind: "volume",
          name: "fake",
          config: noConfig,
          create: () => ({
            name: "fake",
            match: () => 1,
            create: ({ index }: { index: number }) => ({ ...passThrough, name: `volume ${index}` }),
          }),
        }),
      ],
    });
    const { events } = this.runtime;
    events.subscribe(taskCreated, "test", (e) => this.events.push(`create ${e.containerId}`));
    events.subscribe(taskStarted, "test", (e) => this.events.push(`start ${e.containerId}`));
    events.subscribe(taskExited, "test", ({ id, exit }) => {
      this.events.push(`exit ${id.containerId}${id.execId && `/${id.execId}`} ${exit.status}`);
    });
    events.subscribe(taskDeleted, "test", (e) => this.events.push(`delete ${e.containerId}`));
    events.subscribe(execAdded, "test", (e) => this.events.push(`exec-added ${e.execId}`));
    events.subscribe(execStarted, "test", (e) => this.events.push(`exec-started ${e.execId}`));
    events.subscribe(taskPaused, "test", (e) => this.events.push(`paused ${e.containerId}`));
    events.subscribe(taskResumed, "test", (e) => this.events.push(`resumed ${e.containerId}`));
  }

  /** `more` is added to the configuration, made for the test's directory. */
  static async open(more: (directory: string) => string = () => "", options: BenchOptions = {}): Promise<Bench> {
    const directory = await mkdtemp(join(tmpdir(), "kata-ts-test-"));
    await writeFile(join(directory, "configuration.toml"), tomlWith(options) + more(directory));
    return new Bench(directory, options.ownsProcess ?? false);
  }

  /** Another process on the same host, after this one was killed; its agents find this one's guest as it is now. */
  again(configSources?: readonly Source[]): Bench {
    const other = new Bench(this.directory, this.ownsProcess, configSources);
    const { agent } = this;
    other.prepareAgent = (next) => {
      for (const [id, one] of agent.containers) next.containers.set(id, one);
      for (const [id, one] of agent.processes) next.processes.set(id, one);
    };
    return other;
  }

  async close(): Promise<void> {
    await this.runtime.close();
    await rm(this.directory, { recursive: true });
  }

  get agent(): FakeAgent {
    return this.agents.at(-1) ?? expect.fail("no agent was made");
  }

  get hypervisor(): FakeHypervisor {
    return this.hypervisors.at(-1) ?? expect.fail("no hypervisor was made");
  }

  request(containerId: string, annotations: Record<string, string> = {}): CreateTask {
    const spec = defaultSpec({ rootPath: "/root", args: ["sleep"], annotations });
    return { containerId, bundle: "/bundle", spec, rootfs: [], io: { terminal: false } };
  }

  create(containerId: string, annotations?: Record<string, string>): Promise<{ pid: number }> {
    return this.runtime.request(createTask(this.request(containerId, annotations)));
  }

  async run(containerId: string, annotations?: Record<string, string>): Promise<void> {
    await this.create(containerId, annotations);
    await this.runtime.request(startTask({ containerId, execId: "" }));
  }

  /** What is left below the run directory. */
  async left(): Promise<string[]> {
    return readdir(join(this.directory, "run"), { recursive: true }).catch(() => []);
  }
}

/** The first process of a container. */
export const main = (containerId: string) => ({ containerId, execId: "" });
/** Annotations of a pod's container. */
export const pod = (role: string) => ({
  "io.kubernetes.cri.container-type": role,
  "io.kubernetes.cri.sandbox-id": "pod",
});

/** What a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail("it should have failed"),
    (error: unknown) => error as Error,
  );
}
