import type { Agent, AgentCapabilities, ContainerSetup, GuestProcess, Plugin, SandboxSetup } from "kata-ts/plugin";
import { note } from "./notes.js";
import { tableOf } from "./schema.js";

const config = tableOf({ greeting: "hello" });

/** A process of a guest that is nowhere: it lives until it is signalled. */
class GuestProgram {
  readonly ended: Promise<number>;
  end: (status: number) => void = () => undefined;

  constructor() {
    this.ended = new Promise((resolve) => (this.end = resolve));
  }
}

/** An agent that does what it is told with what it has: names. */
class NamesOnly implements Agent {
  readonly name = "acme";
  readonly lost = new Promise<Error>(() => undefined);
  readonly #programs = new Map<string, GuestProgram>();

  constructor(readonly greeting: string) {}

  async connect(): Promise<void> {
    note(`agent connect, ${this.greeting}`);
  }

  async close(): Promise<void> {
    note("agent close");
  }

  async destroy(): Promise<void> {
    note("agent destroy");
  }

  async check(): Promise<void> {}

  async guestDetails() {
    const none = { storageHandlers: [], deviceHandlers: [], supportsSeccomp: false, memoryBlockSize: 0n };
    return { agentVersion: "acme", ...none };
  }

  async createSandbox({ storages }: SandboxSetup): Promise<void> {
    note(`agent sandbox, ${storages.map(({ source }) => source).join(" ")}`);
  }

  async destroySandbox(): Promise<void> {}

  async createContainer({ containerId, storages, spec }: ContainerSetup): Promise<void> {
    note(
      `agent container in ${spec.root?.path}, ${storages.map(({ driver, source }) => `${driver} ${source}`).join(" ")}`,
    );
    this.#programs.set(containerId, new GuestProgram());
  }

  async startContainer(): Promise<void> {
    note("agent start");
  }

  async removeContainer(containerId: string): Promise<void> {
    note("agent remove");
    this.#programs.delete(containerId);
  }

  async pauseContainer(): Promise<void> {}
  async resumeContainer(): Promise<void> {}
  async updateContainer(): Promise<void> {}

  async stats() {
    const nothing = { io: [], hugepages: new Map<string, never>(), network: [] };
    return {
      cpu: { usage: 1n, user: 1n, system: 0n },
      memory: { usage: 1n, limit: 2n, details: new Map<string, bigint>() },
      pids: { current: 1n },
      ...nothing,
    };
  }

  async execProcess({ execId }: GuestProcess): Promise<void> {
    this.#programs.set(execId, new GuestProgram());
  }

  async signalProcess({ execId }: GuestProcess, signal: number): Promise<void> {
    this.#programs.get(execId)?.end(128 + signal);
  }

  async waitProcess({ execId }: GuestProcess): Promise<number> {
    return this.#programs.get(execId)?.ended ?? 255;
  }

  async resizeTerminal(): Promise<void> {}
  async writeStdin(): Promise<void> {}
  async closeStdin(): Promise<void> {}

  async readStdout({ execId }: GuestProcess): Promise<undefined> {
    await this.#programs.get(execId)?.ended;
  }

  async readStderr({ execId }: GuestProcess): Promise<undefined> {
    await this.#programs.get(execId)?.ended;
  }

  capability<K extends keyof AgentCapabilities>(name: K): AgentCapabilities[K] | undefined {
    return name === "network" ? (this.#network as AgentCapabilities[K]) : undefined;
  }

  readonly #network: AgentCapabilities["network"] = {
    async updateInterface(wanted) {
      note(`agent interface ${wanted.name}`);
      return wanted;
    },
    updateRoutes: async (routes) => routes,
    addNeighbors: async () => undefined,
    listInterfaces: async () => [],
    listRoutes: async () => [],
    getIpTables: async () => new Uint8Array(),
    setIpTables: async () => new Uint8Array(),
  };
}

export const plugin: Plugin<"agent", typeof config> = {
  api: 1,
  kind: "agent",
  name: "acme",
  config,
  create: (_ctx, { greeting }) => new NamesOnly(greeting),
};
