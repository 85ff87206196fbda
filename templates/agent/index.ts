/** An agent whose guest takes each call as a line of JSON, and answers by one (`connection.ts`). */
import type {
  Agent,
  ContainerSetup,
  ContainerStats,
  GuestAddress,
  GuestDetails,
  GuestProcess,
  OciLinuxResources,
  OciProcess,
  Plugin,
  PluginContext,
  SandboxSetup,
  StandardSchema,
} from "kata-ts/plugin";
import { type Connection, failure } from "./connection.js";
import { dial } from "./dial.js";

const config: StandardSchema<undefined> = {
  "~standard": { version: 1, vendor: "kata-ts-agent-example", validate: () => ({ value: undefined }) },
};

/** Bytes that are sent by one call. */
const mostBytes = 2 ** 20;

/** What the guest answers, when it is what it must be: nothing else is believed. */
function checked<T>(answer: unknown, what: string, is: (answer: unknown) => answer is T): T {
  if (is(answer)) return answer;
  throw failure("ANSWER", "INTERNAL", `the guest answers what is not ${what}`);
}

const isExit = (answer: unknown): answer is number =>
  Number.isInteger(answer) && Number(answer) >= 0 && Number(answer) < 256;
const isCount = (value: unknown): value is bigint => typeof value === "bigint";

interface Counts {
  readonly cpu?: Readonly<Record<"usage" | "user" | "system", unknown>>;
  readonly memory?: Readonly<Record<"usage" | "limit", unknown>>;
  readonly pids?: { readonly current?: unknown };
}

class LineAgent implements Agent {
  readonly name = "example";
  readonly lost: Promise<Error>;
  #lose: (error: Error) => void = () => undefined;
  #connection: Connection | undefined;
  #closed = false;

  constructor(readonly sys: PluginContext["sys"]) {
    this.lost = new Promise((resolve) => (this.#lose = resolve));
  }

  async connect(address: GuestAddress, signal: AbortSignal): Promise<void> {
    const connection = await dial(this.sys, address, signal);
    if (this.#closed) connection.close();
    this.#connection = connection;
    void connection.ended.then((reason) => (this.#closed ? undefined : this.#lose(reason)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#connection?.close();
  }

  destroy(): Promise<void> {
    return this.close();
  }

  async check(): Promise<void> {
    await this.#call("check");
  }

  async guestDetails(): Promise<GuestDetails> {
    const { agentVersion } = (await this.#call("guestDetails")) as { readonly agentVersion?: unknown };
    const none = { storageHandlers: [], deviceHandlers: [], supportsSeccomp: false, memoryBlockSize: 0n };
    return { agentVersion: String(agentVersion), ...none };
  }

  async createSandbox(setup: SandboxSetup): Promise<void> {
    await this.#call("createSandbox", setup);
  }

  async destroySandbox(): Promise<void> {
    await this.#call("destroySandbox");
  }

  async createContainer(setup: ContainerSetup): Promise<void> {
    await this.#call("createContainer", setup);
  }

  async startContainer(containerId: string): Promise<void> {
    await this.#call("startContainer", containerId);
  }

  async removeContainer(containerId: string): Promise<void> {
    await this.#call("removeContainer", containerId);
  }

  async pauseContainer(containerId: string): Promise<void> {
    await this.#call("pauseContainer", containerId);
  }

  async resumeContainer(containerId: string): Promise<void> {
    await this.#call("resumeContainer", containerId);
  }

  async updateContainer(containerId: string, resources: OciLinuxResources): Promise<void> {
    await this.#call("updateContainer", containerId, resources);
  }

  async stats(containerId: string): Promise<ContainerStats> {
    const { cpu, memory, pids } = ((await this.#call("stats", containerId)) ?? {}) as Counts;
    const count = (value: unknown): bigint => checked(value, "a count", isCount);
    return {
      cpu: { usage: count(cpu?.usage), user: count(cpu?.user), system: count(cpu?.system) },
      memory: { usage: count(memory?.usage), limit: count(memory?.limit), details: new Map() },
      pids: { current: count(pids?.current) },
      io: [],
      hugepages: new Map(),
      network: [],
    };
  }

  async execProcess(process: GuestProcess, spec: OciProcess): Promise<void> {
    await this.#call("execProcess", process, spec);
  }

  async signalProcess(process: GuestProcess, signal: number, all: boolean): Promise<void> {
    await this.#call("signalProcess", process, signal, all);
  }

  async waitProcess(process: GuestProcess, signal?: AbortSignal): Promise<number> {
    return checked(await this.#there().call("waitProcess", [process], signal), "an exit status", isExit);
  }

  async resizeTerminal(process: GuestProcess, size: { rows: number; columns: number }): Promise<void> {
    await this.#call("resizeTerminal", process, size);
  }

  async writeStdin(process: GuestProcess, data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length; at += mostBytes) {
      await this.#call("writeStdin", process, data.subarray(at, at + mostBytes));
    }
  }

  async closeStdin(process: GuestProcess): Promise<void> {
    await this.#call("closeStdin", process);
  }

  readStdout(process: GuestProcess, max: number): Promise<Uint8Array | undefined> {
    return this.#read("readStdout", process, max);
  }

  readStderr(process: GuestProcess, max: number): Promise<Uint8Array | undefined> {
    return this.#read("readStderr", process, max);
  }

  capability(): undefined {
    return undefined;
  }

  async #read(method: string, process: GuestProcess, max: number): Promise<Uint8Array | undefined> {
    const most = Math.min(max, mostBytes);
    const isOutput = (answer: unknown): answer is Uint8Array | undefined =>
      answer === undefined || (answer instanceof Uint8Array && answer.length > 0 && answer.length <= most);
    return checked(await this.#call(method, process, most), `output of 1 to ${most} bytes`, isOutput);
  }

  #call(method: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#there().call(method, args);
  }

  #there(): Connection {
    if (this.#connection === undefined || this.#closed) {
      throw failure("CLOSED", "FAILED_PRECONDITION", "there is no connection to the guest");
    }
    return this.#connection;
  }
}

export const plugin: Plugin<"agent", typeof config> = {
  api: 1,
  kind: "agent",
  name: "example",
  config,
  create({ sys, scope }) {
    const agent = new LineAgent(sys);
    scope.defer("agent", () => agent.destroy());
    return agent;
  },
};
