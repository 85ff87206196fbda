import type {
  Agent,
  AgentCapabilities,
  ContainerSetup,
  GuestDetails,
  GuestProcess,
  SandboxSetup,
} from "../core/contracts/agent.js";
import type { ContainerStats } from "../core/contracts/container-stats.js";
import { KataError } from "../core/errors/error.js";
import type { OciLinuxResources, OciProcess } from "../core/oci/spec.js";

/** A process of the fake guest: what it is sent, what it writes, and when it ends. */
export class FakeProcess {
  readonly input: Uint8Array[] = [];
  readonly signals: number[] = [];
  inputClosed = false;
  size: { rows: number; columns: number } | undefined;
  readonly exit: Promise<number>;
  readonly #output: Record<"stdout" | "stderr", { chunks: Uint8Array[]; ended: boolean; wake: () => void }> = {
    stdout: { chunks: [], ended: false, wake: () => undefined },
    stderr: { chunks: [], ended: false, wake: () => undefined },
  };
  #settle: (status: number) => void = () => undefined;

  constructor() {
    this.exit = new Promise((resolve) => (this.#settle = resolve));
  }

  write(stream: "stdout" | "stderr", text: string): void {
    this.#output[stream].chunks.push(Buffer.from(text));
    this.#output[stream].wake();
  }

  /** Closes its output; a child that keeps it open is a process that ends without this. */
  closeOutput(): void {
    for (const stream of Object.values(this.#output)) {
      stream.ended = true;
      stream.wake();
    }
  }

  end(status: number): void {
    this.closeOutput();
    this.#settle(status);
  }

  /** Ends, while a child of it keeps its output open. */
  endWithOpenOutput(status: number): void {
    this.#settle(status);
  }

  /** The next bytes of output, 1 to `max`; undefined at its end. */
  async read(stream: "stdout" | "stderr", max: number = Number.POSITIVE_INFINITY): Promise<Uint8Array | undefined> {
    const output = this.#output[stream];
    for (;;) {
      const chunk = output.chunks.shift();
      if (chunk !== undefined && chunk.length > max) output.chunks.unshift(chunk.subarray(max));
      if (chunk !== undefined) return chunk.subarray(0, max);
      if (output.ended) return undefined;
      await new Promise<void>((resolve) => (output.wake = resolve));
    }
  }
}

/** An agent without a guest: containers and processes live in memory, and tests steer them. */
export class FakeAgent implements Agent {
  readonly name = "fake";
  readonly lost: Promise<Error>;
  /** Names of the calls made, in order. */
  readonly calls: string[] = [];
  readonly containers = new Map<string, ContainerSetup>();
  readonly processes = new Map<string, FakeProcess>();
  sandbox: SandboxSetup | undefined;
  /** The named call rejects with this. */
  readonly failures = new Map<string, unknown>();
  /** Keeps `connect` from answering until its signal aborts. */
  silent = false;
  readonly capabilities: Partial<AgentCapabilities> = {};
  #lose: (error: Error) => void = () => undefined;

  constructor() {
    this.lost = new Promise((resolve) => (this.#lose = resolve));
  }

  /** The connection breaks. */
  lose(error: Error): void {
    this.#lose(error);
  }

  process(containerId: string, execId: string = containerId): FakeProcess {
    const process = this.processes.get(`${containerId}/${execId}`);
    if (process === undefined) throw new KataError("KATA_FAKE", "NOT_FOUND", `no process ${containerId}/${execId}`);
    return process;
  }

  async connect(_address: unknown, signal: AbortSignal): Promise<void> {
    this.#note("connect");
    if (!this.silent) return;
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
  }

  async close(): Promise<void> {
    this.#note("close");
  }

  async destroy(): Promise<void> {
    this.#note("destroy");
  }

  async check(): Promise<void> {
    this.#note("check");
  }

  async guestDetails(): Promise<GuestDetails> {
    return {
      agentVersion: "fake",
      storageHandlers: [],
      deviceHandlers: [],
      supportsSeccomp: false,
      memoryBlockSize: 0n,
    };
  }

  async createSandbox(setup: SandboxSetup): Promise<void> {
    this.#note("createSandbox");
    this.sandbox = setup;
  }

  async destroySandbox(): Promise<void> {
    this.#note("destroySandbox");
  }

  async createContainer(setup: ContainerSetup): Promise<void> {
    this.#note("createContainer");
    this.containers.set(setup.containerId, setup);
    this.processes.set(`${setup.containerId}/${setup.containerId}`, new FakeProcess());
  }

  async startContainer(): Promise<void> {
    this.#note("startContainer");
  }

  async removeContainer(containerId: string): Promise<void> {
    this.#note("removeContainer");
    this.containers.delete(containerId);
  }

  async pauseContainer(): Promise<void> {
    this.#note("pauseContainer");
  }

  async resumeContainer(): Promise<void> {
    this.#note("resumeContainer");
  }

  async updateContainer(_containerId: string, resources: OciLinuxResources): Promise<void> {
    this.#note(`updateContainer ${JSON.stringify(resources)}`);
  }

  async stats(): Promise<ContainerStats> {
    this.#note("stats");
    return {
      cpu: { usage: 1n, user: 1n, system: 0n },
      memory: { usage: 1n, limit: 2n, details: new Map() },
      pids: { current: 1n },
      io: [],
      hugepages: new Map(),
      network: [],
    };
  }

  async execProcess({ containerId, execId }: GuestProcess, _spec: OciProcess): Promise<void> {
    this.#note("execProcess");
    this.processes.set(`${containerId}/${execId}`, new FakeProcess());
  }

  async signalProcess({ containerId, execId }: GuestProcess, signal: number): Promise<void> {
    this.#note("signalProcess");
    const process = this.process(containerId, execId);
    process.signals.push(signal);
    if (signal === 9 || signal === 15) process.end(128 + signal);
  }

  async waitProcess({ containerId, execId }: GuestProcess): Promise<number> {
    return this.process(containerId, execId).exit;
  }

  async resizeTerminal({ containerId, execId }: GuestProcess, size: { rows: number; columns: number }): Promise<void> {
    this.process(containerId, execId).size = size;
  }

  async writeStdin({ containerId, execId }: GuestProcess, data: Uint8Array): Promise<void> {
    this.process(containerId, execId).input.push(Uint8Array.from(data));
  }

  async closeStdin({ containerId, execId }: GuestProcess): Promise<void> {
    this.process(containerId, execId).inputClosed = true;
  }

  readStdout({ containerId, execId }: GuestProcess, max?: number): Promise<Uint8Array | undefined> {
    return this.process(containerId, execId).read("stdout", max);
  }

  readStderr({ containerId, execId }: GuestProcess, max?: number): Promise<Uint8Array | undefined> {
    return this.process(containerId, execId).read("stderr", max);
  }

  capability<K extends keyof AgentCapabilities>(name: K): AgentCapabilities[K] | undefined {
    return this.capabilities[name];
  }

  #note(call: string): void {
    this.calls.push(call);
    const failure = this.failures.get(call);
    if (failure !== undefined) throw failure;
  }
}
