import type { ClientConnection } from "./client-connection.js";
import type { Client, ServiceDefinition } from "./definition.js";

export type { Client } from "./definition.js";

/**
 * A typed client of one service over a connection, which several clients may share:
 * `createClient(AgentServiceDefinition, connection).startContainer({ containerId }, { deadlineMs: 5000 })`.
 * A call fails with a `KataError` of `rpcErrors`, whose status is the peer's.
 */
export function createClient<D extends ServiceDefinition>(definition: D, connection: ClientConnection): Client<D> {
  const methods = Object.entries(definition.methods);
  return Object.fromEntries(
    methods.map(([name, method]) => [name, connection.method(definition.fullName, method)]),
  ) as Client<D>;
}
