import { setTimeout as pause } from "node:timers/promises";
import { formatGuestAddress, type GuestAddress } from "../../../core/contracts/guest-address.js";
import { codeOf, describeError } from "../../../core/errors/error.js";
import type { Logger } from "../../../core/log.js";
import { ClientConnection } from "../../../core/rpc/client-connection.js";
import type { Sys } from "../../../core/sys/sys.js";
import { dialUntil } from "../../../core/vsock/dial-until.js";
import { AgentCalls } from "./calls.js";
import type { AgentSettings } from "./settings.js";

/** Errors that say that a connection has ended, and nothing of the agent. */
const connectionEnded = new Set(["KATA_RPC_CONNECTION_LOST", "KATA_RPC_CLOSED"]);

/** A connection on which the agent has answered. */
export interface Established {
  readonly connection: ClientConnection;
  readonly calls: AgentCalls;
  /** For people: `vsock://3:1024`. */
  readonly address: string;
}

/** What reaching an agent takes. */
export interface EstablishParts {
  readonly sys: Pick<Sys, "vsock">;
  readonly log: Logger;
  readonly address: GuestAddress;
  readonly settings: AgentSettings;
}

/**
 * Dials until the agent answers a health check. A connection that ends before is made anew; an agent that answers that it
 * cannot serve is an error. Rejects with the reason of `signal` when that aborts.
 */
export async function establish(parts: EstablishParts, signal: AbortSignal): Promise<Established> {
  const { settings, sys, log } = parts;
  const address = formatGuestAddress(parts.address, settings.port);
  const request = { address: parts.address, port: settings.port, pauseMs: settings.dialPause, signal };
  for (;;) {
    const stream = await dialUntil(sys, request);
    const connection = new ClientConnection(stream, { peer: `the agent at ${address}`, log });
    const calls = new AgentCalls(connection, settings, address);
    try {
      await calls.check({ signal });
      return { connection, calls, address };
    } catch (error) {
      connection.destroy(error);
      signal.throwIfAborted();
      if (!connectionEnded.has(codeOf(error) ?? "")) throw error;
      log.debug("the connection to the agent ended before it answered", { error: describeError(error) });
    }
    await pause(settings.dialPause, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
