import { AgentServiceDefinition } from "../../../core/proto/gen/kata/agent.js";
import {
  type CheckRequest,
  HealthCheckResponse_ServingStatus,
  HealthDefinition,
} from "../../../core/proto/gen/kata/health.js";
import { createClient } from "../../../core/rpc/client.js";
import type { ClientConnection } from "../../../core/rpc/client-connection.js";
import type { CallOptions, Client } from "../../../core/rpc/definition.js";
import { aboutSubject, agentErrors } from "./errors.js";
import type { AgentSettings } from "./settings.js";

/** The agent's methods, each `(request, options) => Promise<answer>`. */
export type AgentClient = Client<typeof AgentServiceDefinition>;

/** One call, given the client and the options to call it with. */
export type AgentCall<R> = (agent: AgentClient, options: CallOptions) => Promise<R>;

const everything: CheckRequest = { service: "" };

/** Calls of one connection to the agent, each with its deadline and with errors that say whom the call was about. */
export class AgentCalls {
  readonly #agent: AgentClient;
  readonly #health: Client<typeof HealthDefinition>;
  readonly #settings: AgentSettings;
  readonly #address: string;

  constructor(connection: ClientConnection, settings: AgentSettings, address: string) {
    this.#agent = createClient(AgentServiceDefinition, connection);
    this.#health = createClient(HealthDefinition, connection);
    this.#settings = settings;
    this.#address = address;
  }

  /** A request that the agent answers as soon as it has done it. `subject` is whom it is about, "" for the guest. */
  request<R>(subject: string, call: AgentCall<R>): Promise<R> {
    return this.#call(subject, call, { deadlineMs: this.#settings.requestTime });
  }

  /** A request that waits for something to happen, for as long as that takes. */
  wait<R>(subject: string, call: AgentCall<R>, signal?: AbortSignal): Promise<R> {
    return this.#call(subject, call, { signal });
  }

  /** Whether the agent serves: `KATA_AGENT_UNHEALTHY` when it says it does not. */
  async check(options: CallOptions = { deadlineMs: this.#settings.healthCheckTime }): Promise<void> {
    const { status } = await this.#health.check(everything, options);
    if (status === HealthCheckResponse_ServingStatus.SERVING) return;
    throw agentErrors.KATA_AGENT_UNHEALTHY({ address: this.#address, serving: status });
  }

  async #call<R>(subject: string, call: AgentCall<R>, options: CallOptions): Promise<R> {
    try {
      return await call(this.#agent, options);
    } catch (error) {
      throw aboutSubject(subject, error);
    }
  }
}
