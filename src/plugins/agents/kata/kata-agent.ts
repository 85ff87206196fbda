import type {
  Agent,
  AgentCapabilities,
  ContainerSetup,
  GuestDetails,
  GuestProcess,
  SandboxSetup,
} from "../../../core/contracts/agent.js";
import type { ContainerStats } from "../../../core/contracts/container-stats.js";
import type { GuestAddress } from "../../../core/contracts/guest-address.js";
import { KataError } from "../../../core/errors/error.js";
import type { Logger } from "../../../core/log.js";
import { lostProcessFields, lostResourceFields, lostSpecFields } from "../../../core/oci/convert-lost.js";
import { processToGrpc } from "../../../core/oci/convert-process.js";
import { resourcesToGrpc } from "../../../core/oci/convert-resources.js";
import type { OciLinuxResources, OciProcess } from "../../../core/oci/spec.js";
import type { GuestDetailsResponse } from "../../../core/proto/gen/kata/agent.js";
import type { Sys } from "../../../core/sys/sys.js";
import type { AgentCall, AgentCalls } from "./calls.js";
import { agentCapabilities } from "./capabilities.js";
import { agentErrors } from "./errors.js";
import { type Established, establish } from "./establish.js";
import { toGuestDetails } from "./guest-details.js";
import { forwardLog } from "./log-forwarder.js";
import { OutputWatch } from "./output-watch.js";
import { readStream, subjectOf, waitProcess, writeStdin } from "./process-calls.js";
import { createContainerRequest, createSandboxRequest } from "./requests.js";
import type { AgentSettings } from "./settings.js";
import { toContainerStats } from "./stats.js";

/** What a client of the agent is made of. */
export interface KataAgentParts {
  readonly sys: Pick<Sys, "vsock">;
  readonly log: Logger;
  readonly settings: AgentSettings;
}

/** Feature of an agent whose WaitProcess leaves the output of the process to be read. */
export const keepsOutputFeature = "wait-keeps-output";

const containerSubject = (containerId: string): string => `the container "${containerId}"`;

/** Kata's agent protocol, over ttrpc. Speaks to this project's agent and to Kata's own. */
export class KataAgent implements Agent {
  readonly name = "kata";
  readonly lost: Promise<Error>;
  readonly #parts: KataAgentParts;
  readonly #end = new AbortController();
  readonly #output = new OutputWatch();
  #established: Established | undefined;
  #capabilities: AgentCapabilities | undefined;
  #keepsOutput: Promise<boolean> = Promise.resolve(true);
  #lose!: (error: Error) => void;

  constructor(parts: KataAgentParts) {
    this.#parts = parts;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
  }

  async connect(address: GuestAddress, signal: AbortSignal): Promise<void> {
    const { sys, log, settings } = this.#parts;
    const both = AbortSignal.any([signal, this.#end.signal]);
    const established = await establish({ sys, log, settings, address }, both);
    this.#established = established;
    this.#capabilities = agentCapabilities(established.calls);
    void this.#watch(established);
    this.#keepsOutput = this.#asksFeatures();
    const guestLog = log.child({ from: "guest" });
    void forwardLog({ sys, address, port: settings.logPort, log: guestLog }, this.#end.signal);
  }

  close(): Promise<void> {
    return this.destroy(undefined);
  }

  async destroy(reason: unknown): Promise<void> {
    this.#end.abort(reason);
    const { connection, address } = this.#established ?? {};
    if (connection === undefined || address === undefined) return;
    connection.destroy(reason ?? agentErrors.KATA_AGENT_CLOSED({ address }));
    await connection.ended;
  }

  check(): Promise<void> {
    return this.#calls("Check").check();
  }

  async guestDetails(): Promise<GuestDetails> {
    const request = { memBlockSize: true, memHotplugProbe: true };
    const call: AgentCall<GuestDetailsResponse> = (agent, options) => agent.getGuestDetails(request, options);
    return toGuestDetails(await this.#request("GetGuestDetails", "", call));
  }

  async createSandbox(setup: SandboxSetup): Promise<void> {
    const request = createSandboxRequest(setup);
    const subject = `the sandbox "${setup.sandboxId}"`;
    await this.#request("CreateSandbox", subject, (agent, options) => agent.createSandbox(request, options));
  }

  async destroySandbox(): Promise<void> {
    await this.#request("DestroySandbox", "", (agent, options) => agent.destroySandbox({}, options));
  }

  async createContainer(setup: ContainerSetup): Promise<void> {
    const subject = containerSubject(setup.containerId);
    this.#tellLost(subject, lostSpecFields(setup.spec));
    const request = createContainerRequest(setup);
    await this.#request("CreateContainer", subject, (agent, options) => agent.createContainer(request, options));
  }

  async startContainer(containerId: string): Promise<void> {
    await this.#about("StartContainer", containerId, (agent, o) => agent.startContainer({ containerId }, o));
  }

  async removeContainer(containerId: string): Promise<void> {
    this.#output.forget(containerId);
    try {
      await this.#about("RemoveContainer", containerId, (agent, options) =>
        agent.removeContainer({ containerId, timeout: 0 }, options),
      );
    } catch (error) {
      // It is gone: an earlier call, or CreateContainer when it failed, has removed it.
      if (!(error instanceof KataError) || error.status !== "NOT_FOUND") throw error;
    }
  }

  async pauseContainer(containerId: string): Promise<void> {
    await this.#about("PauseContainer", containerId, (agent, o) => agent.pauseContainer({ containerId }, o));
  }

  async resumeContainer(containerId: string): Promise<void> {
    await this.#about("ResumeContainer", containerId, (agent, o) => agent.resumeContainer({ containerId }, o));
  }

  async updateContainer(containerId: string, resources: OciLinuxResources): Promise<void> {
    this.#tellLost(containerSubject(containerId), lostResourceFields(resources));
    const request = { containerId, resources: resourcesToGrpc(resources) };
    await this.#about("UpdateContainer", containerId, (agent, options) => agent.updateContainer(request, options));
  }

  async stats(containerId: string): Promise<ContainerStats> {
    const answer = await this.#about("StatsContainer", containerId, (agent, options) =>
      agent.statsContainer({ containerId }, options),
    );
    return toContainerStats(answer);
  }

  async execProcess(process: GuestProcess, spec: OciProcess): Promise<void> {
    const subject = subjectOf(process);
    this.#tellLost(subject, lostProcessFields(spec));
    const ports = { stdinPort: 0, stdoutPort: 0, stderrPort: 0 };
    const request = { ...process, stringUser: undefined, process: processToGrpc(spec), ...ports };
    await this.#request("ExecProcess", subject, (agent, options) => agent.execProcess(request, options));
  }

  async signalProcess(process: GuestProcess, signal: number, all: boolean): Promise<void> {
    const request = { containerId: process.containerId, execId: all ? "" : process.execId, signal };
    const subject = subjectOf(process);
    await this.#request("SignalProcess", subject, (agent, options) => agent.signalProcess(request, options));
  }

  async waitProcess(process: GuestProcess, signal?: AbortSignal): Promise<number> {
    const calls = this.#calls("WaitProcess");
    // Before anything is awaited: its container may be removed meanwhile, which nobody would tell us of again.
    const drained = this.#output.drained(process);
    if (!(await this.#keepsOutput)) await Promise.race([drained, this.lost]);
    return waitProcess(calls, process, signal);
  }

  async resizeTerminal(
    process: GuestProcess,
    { rows: row, columns: column }: { rows: number; columns: number },
  ): Promise<void> {
    const request = { ...process, row, column };
    const subject = subjectOf(process);
    await this.#request("TtyWinResize", subject, (agent, options) => agent.ttyWinResize(request, options));
  }

  async writeStdin(process: GuestProcess, data: Uint8Array): Promise<void> {
    await writeStdin(this.#calls("WriteStdin"), process, data);
  }

  async closeStdin(process: GuestProcess): Promise<void> {
    const request = { ...process };
    await this.#request("CloseStdin", subjectOf(process), (agent, options) => agent.closeStdin(request, options));
  }

  readStdout(process: GuestProcess, max: number): Promise<Uint8Array | undefined> {
    return this.#read("stdout", process, max);
  }

  readStderr(process: GuestProcess, max: number): Promise<Uint8Array | undefined> {
    return this.#read("stderr", process, max);
  }

  capability<K extends keyof AgentCapabilities>(name: K): AgentCapabilities[K] | undefined {
    return this.#capabilities?.[name];
  }

  async #read(stream: "stdout" | "stderr", process: GuestProcess, max: number): Promise<Uint8Array | undefined> {
    const calls = this.#calls(stream === "stdout" ? "ReadStdout" : "ReadStderr");
    this.#output.reading(process, stream);
    let data: Uint8Array | undefined;
    try {
      data = await readStream(calls, stream, process, max);
      return data;
    } finally {
      if (data === undefined) this.#output.ended(process, stream);
    }
  }

  async #watch({ connection, address }: Established): Promise<void> {
    const cause = await connection.ended;
    if (!this.#end.signal.aborted) this.#lose(agentErrors.KATA_AGENT_LOST({ address }, { cause }));
  }

  /** Whether output survives its process; an agent that does not answer is taken for one that throws it away. */
  async #asksFeatures(): Promise<boolean> {
    const request = { memBlockSize: false, memHotplugProbe: false };
    try {
      const call: AgentCall<GuestDetailsResponse> = (agent, options) => agent.getGuestDetails(request, options);
      return toGuestDetails(await this.#request("GetGuestDetails", "", call)).features.includes(keepsOutputFeature);
    } catch {
      return false;
    }
  }

  #tellLost(subject: string, fields: readonly string[]): void {
    if (fields.length === 0) return;
    this.#parts.log.warn("the agent's protocol has no place for fields of the specification", { subject, fields });
  }

  #about<R>(rpc: string, containerId: string, call: AgentCall<R>): Promise<R> {
    return this.#request(rpc, containerSubject(containerId), call);
  }

  async #request<R>(rpc: string, subject: string, call: AgentCall<R>): Promise<R> {
    return this.#calls(rpc).request(subject, call);
  }

  #calls(rpc: string): AgentCalls {
    if (this.#established === undefined) throw agentErrors.KATA_AGENT_NOT_CONNECTED({ rpc });
    return this.#established.calls;
  }
}
