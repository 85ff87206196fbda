import type { Duplex } from "node:stream";
import { withDeadline } from "../deadline.js";
import { type Logger, silentLogger } from "../log.js";
import type { CallContext, Implementation, ServiceDefinition } from "./definition.js";
import { rpcErrors } from "./errors.js";
import { type ListenAddress, type Listener, listen } from "./listen.js";
import type { ServerMethodInfo } from "./server-call.js";
import { ServerConnection } from "./server-connection.js";
import { defaultStallMs } from "./stall-guard.js";

/** Settings of a server; each has a default. */
export interface ServerOptions {
  readonly log?: Logger;
  /** Milliseconds a stream nobody reads may hold up its connection; 5000 unless given. */
  readonly stallMs?: number;
  /** Calls one connection may have running; 4096 unless given. One more is answered with RESOURCE_EXHAUSTED. */
  readonly maxCalls?: number;
  /** Whether messages of failures end with the errors' codes, for a peer that shows them to people; false unless given. */
  readonly codes?: boolean;
}

/** Answers ttrpc calls on any number of connections and sockets. */
export class Server {
  readonly #log: Logger;
  readonly #stallMs: number;
  readonly #maxCalls: number;
  readonly #codes: boolean;
  readonly #methods = new Map<string, Map<string, ServerMethodInfo>>();
  readonly #connections = new Set<ServerConnection>();
  readonly #listeners = new Set<Listener>();
  #accepted = 0;
  #closed = false;

  constructor(options: ServerOptions = {}) {
    this.#log = options.log ?? silentLogger;
    this.#stallMs = options.stallMs ?? defaultStallMs;
    this.#maxCalls = options.maxCalls ?? 4096;
    this.#codes = options.codes ?? false;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Serves a service under its full name; methods that `implementation` lacks are answered with UNIMPLEMENTED. */
  addService<D extends ServiceDefinition>(definition: D, implementation: Implementation<D>): void {
    const service = definition.fullName;
    if (this.#methods.has(service)) throw rpcErrors.KATA_RPC_SERVICE_DUPLICATE({ service });
    const methods = new Map<string, ServerMethodInfo>();
    for (const [key, method] of Object.entries(definition.methods)) {
      const handler: unknown = implementation[key];
      const invoke =
        typeof handler === "function"
          ? (input: unknown, context: CallContext): unknown => handler.call(implementation, input, context)
          : undefined;
      methods.set(method.name, { service, path: `${service}/${method.name}`, definition: method, invoke });
    }
    this.#methods.set(service, methods);
  }

  /** Answers the calls that come over `duplex`, whose other end is `peer` in the log, until either side ends it. */
  serve(duplex: Duplex, peer = `client ${++this.#accepted}`): ServerConnection {
    const options = { peer, log: this.#log, stallMs: this.#stallMs, maxCalls: this.#maxCalls, codes: this.#codes };
    const connection = new ServerConnection(duplex, this.#methods, options);
    this.#connections.add(connection);
    void connection.closed.then(() => this.#connections.delete(connection));
    if (this.#closed) connection.drain();
    return connection;
  }

  /** Serves every connection to a socket; see `ListenAddress`. Fails with `KATA_RPC_LISTEN`. */
  async listen(address: ListenAddress): Promise<Listener> {
    const onError = (error: Error) => this.#log.warn("taking connections failed", { error });
    const listener = await listen(address, (socket) => this.serve(socket), onError);
    const close = () => {
      if (this.#listeners.delete(own)) listener.close();
    };
    const own: Listener = { address: listener.address, close };
    this.#listeners.add(own);
    if (this.#closed) own.close();
    return own;
  }

  /**
   * Takes no more connections and calls, waits until those that run have been answered, and ends the connections. After
   * `deadlineMs` it drops what is left and fails with `KATA_DEADLINE`.
   */
  async close(deadlineMs = 10_000): Promise<void> {
    this.#stop();
    for (const connection of this.#connections) connection.drain();
    const running = () => [...this.#connections].reduce((sum, connection) => sum + connection.running, 0);
    const deadline = { ms: deadlineMs, what: "calls to be answered", context: () => `${running()} still run` };
    try {
      await withDeadline(deadline, async () => {
        await Promise.all([...this.#connections].map((connection) => connection.closed));
      });
    } catch (error) {
      this.destroy(error);
      throw error;
    }
  }

  /** Drops every connection now, with `reason` given to the handlers' signals. */
  destroy(reason: unknown): void {
    this.#stop();
    for (const connection of this.#connections) connection.destroy(reason);
  }

  #stop(): void {
    this.#closed = true;
    for (const listener of this.#listeners) listener.close();
  }
}
