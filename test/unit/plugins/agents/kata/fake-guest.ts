import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GuestAddress } from "../../../../../src/core/contracts/guest-address.js";
import { AgentServiceDefinition } from "../../../../../src/core/proto/gen/kata/agent.js";
import { HealthCheckResponse_ServingStatus, HealthDefinition } from "../../../../../src/core/proto/gen/kata/health.js";
import type { Implementation } from "../../../../../src/core/rpc/definition.js";
import { Server } from "../../../../../src/core/rpc/server.js";
import { createLogger, type Logger, type LogLevel } from "../../../../../src/core/log.js";
import { KataAgent } from "../../../../../src/plugins/agents/kata/kata-agent.js";
import type { AgentSettings } from "../../../../../src/plugins/agents/kata/settings.js";
import { fakeSys } from "../../../../../src/testing/fake-sys.js";

export type AgentMethods = Implementation<typeof AgentServiceDefinition>;

export const settings: AgentSettings = {
  port: 1024,
  logPort: 1025,
  dialPause: 5,
  requestTime: 5000,
  healthCheckTime: 5000,
};

/** A guest whose agent answers as the test says, behind a directory of sockets as a VMM makes it. */
export class FakeGuest {
  readonly directory = mkdtempSync(join(tmpdir(), "guest-"));
  readonly address: GuestAddress = { kind: "virtio-serial", directory: this.directory };
  readonly logLines: { level: LogLevel; text: string }[] = [];
  readonly #server = new Server();
  readonly #closers: (() => void)[] = [];
  readonly #agents: KataAgent[] = [];

  constructor(methods: AgentMethods, serving: HealthCheckResponse_ServingStatus = 1) {
    this.#server.addService(AgentServiceDefinition, {
      getGuestDetails: () => ({
        memBlockSizeBytes: 0n,
        supportMemHotplugProbe: false,
        agentDetails: {
          version: "1",
          initDaemon: true,
          deviceHandlers: [],
          storageHandlers: [],
          supportsSeccomp: false,
          extraFeatures: ["wait-keeps-output"],
        },
      }),
      ...methods,
    });
    this.#server.addService(HealthDefinition, { check: () => ({ status: serving }) });
  }

  get log(): Logger {
    return createLogger((text) => this.logLines.push({ level: levelIn(text), text }), "trace");
  }

  path(port: number): string {
    return join(this.directory, `port-${port}.sock`);
  }

  async listen(): Promise<void> {
    await this.#server.listen({ path: this.path(settings.port) });
  }

  /** Serves a port by hand. */
  async raw(port: number, onConnection: (socket: Socket) => void): Promise<void> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      onConnection(socket);
    });
    await new Promise<void>((resolve) => server.listen(this.path(port), resolve));
    this.#closers.push(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
  }

  agent(change: Partial<AgentSettings> = {}): KataAgent {
    const agent = new KataAgent({ sys: fakeSys(), log: this.log, settings: { ...settings, ...change } });
    this.#agents.push(agent);
    return agent;
  }

  /** An agent that is connected. */
  async connected(change: Partial<AgentSettings> = {}): Promise<KataAgent> {
    await this.listen();
    const agent = this.agent(change);
    await agent.connect(this.address, new AbortController().signal);
    return agent;
  }

  /** The guest is gone. */
  die(): void {
    this.#server.destroy(new Error("the guest died"));
  }

  async close(): Promise<void> {
    for (const agent of this.#agents) await agent.close();
    this.die();
    for (const close of this.#closers) close();
    rmSync(this.directory, { recursive: true });
  }
}

function levelIn(line: string): LogLevel {
  const level = /level=(\w+)/.exec(line)?.[1] ?? "";
  return (level === "warning" ? "warn" : level) as LogLevel;
}
