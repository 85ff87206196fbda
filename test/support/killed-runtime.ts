import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMainThread } from "node:worker_threads";
import type { ContainerSetup } from "../../src/core/contracts/agent.js";
import type { AttachedDevice, Device } from "../../src/core/contracts/device.js";
import type { VmSpec } from "../../src/core/contracts/hypervisor.js";
import { createLogger } from "../../src/core/log.js";
import { type CreateTask, createTask, startTask } from "../../src/core/messages/task.js";
import { definePlugin } from "../../src/core/plugin/plugin.js";
import { noConfig } from "../../src/core/plugin/standard-schema.js";
import { Runtime } from "../../src/core/runtime/runtime.js";
import type { SandboxRecord } from "../../src/core/sandbox/record.js";
import { builtins } from "../../src/plugins/builtins.js";
import { FakeAgent } from "../../src/testing/fake-agent.js";
import { FakeHypervisor } from "../../src/testing/fake-hypervisor.js";

/** What a runtime is to be killed with, in the file that it is started with. */
export interface KilledRuntime {
  /** For its run directory, its shared tree and its configuration. */
  readonly directory: string;
  /** Lines of the configuration, in the hypervisor's table. */
  readonly lines: readonly string[];
  /** Created one after the other. */
  readonly requests: readonly CreateTask[];
  /** Whether the last one is still being created, in the guest, when it is killed. */
  readonly early: boolean;
}

/** The runtime's own namespace of ids. */
export const killedNamespace = "killed";

/** A machine that is a process which does nothing, and has a disk wherever it is asked to. */
class IdleMachine extends FakeHypervisor {
  readonly #record: SandboxRecord | undefined;
  #pid = 0;

  constructor(record: SandboxRecord | undefined) {
    super();
    this.#record = record;
    this.outliveProcesses();
  }

  override get pid(): number {
    return this.#pid;
  }

  override async start(spec: VmSpec): Promise<void> {
    const note = this.#record?.process("machine");
    const child = spawn("/bin/sleep", ["1000"], { detached: true, stdio: "ignore", env: { ...note?.env } });
    this.#pid = child.pid ?? 0;
    note?.started(this.#pid);
    await super.start(spec);
  }

  override async addDevice(device: Device): Promise<AttachedDevice> {
    return { ...(await super.addDevice(device)), guestLocator: `0:${this.devices.length}` };
  }
}

/** An agent that takes everything, and may have this process killed by what it is asked for. */
class TakingAgent extends FakeAgent {
  /** The container whose creation kills. */
  fatal = "";

  constructor() {
    super();
    this.capabilities["copy-file"] = { copyFile: () => Promise.resolve() };
    this.capabilities.network = {
      updateInterface: (wanted) => Promise.resolve(wanted),
      updateRoutes: (routes) => Promise.resolve(routes),
      addNeighbors: () => Promise.resolve(),
      listInterfaces: () => Promise.resolve([]),
      listRoutes: () => Promise.resolve([]),
      getIpTables: () => Promise.resolve(new Uint8Array()),
      setIpTables: () => Promise.resolve(new Uint8Array()),
    };
  }

  override async createContainer(setup: ContainerSetup): Promise<void> {
    if (setup.containerId === this.fatal) die();
    await super.createContainer(setup);
  }
}

function die(): void {
  process.kill(process.pid, "SIGKILL");
}

/** Makes the containers with the runtime's own plugins on a machine that is none, and kills this process. */
async function main(file: string): Promise<void> {
  const { directory, lines, requests, early } = JSON.parse(readFileSync(file, "utf8")) as KilledRuntime;
  const fatal = early ? (requests.at(-1)?.containerId ?? "") : "";
  const configPath = join(directory, "configuration.toml");
  const own = ["[runtime]", 'hypervisor_name = "fake"', 'agent_name = "fake"', "[agent.fake]", "[hypervisor.fake]"];
  writeFileSync(configPath, [...own, ...lines, ""].join("\n"));
  const plugin = (one: Parameters<typeof definePlugin>[0]) => ({ plugin: definePlugin(one), origin: "the test" });
  const runtime = new Runtime({
    configPath,
    namespace: killedNamespace,
    roots: { run: join(directory, "run"), shared: join(directory, "run/shared") },
    ownsProcess: true,
    log: createLogger((line) => process.stderr.write(`${line}\n`), "warn"),
    plugins: [
      ...builtins,
      plugin({
        api: 1,
        kind: "hypervisor",
        name: "fake",
        config: noConfig,
        create: ({ sandbox }) => new IdleMachine(sandbox?.record),
      }),
      plugin({
        api: 1,
        kind: "agent",
        name: "fake",
        config: noConfig,
        create: () => Object.assign(new TakingAgent(), { fatal }),
      }),
    ],
  });
  for (const request of requests) {
    await runtime.request(createTask(request));
    await runtime.request(startTask({ containerId: request.containerId, execId: "" }));
  }
  die();
}

const [, program = "", argument] = process.argv;
if (isMainThread && import.meta.filename === program && argument !== undefined) await main(argument);
