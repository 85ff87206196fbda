import { setTimeout as sleep } from "node:timers/promises";
import { withDeadline } from "../../../core/deadline.js";
import { KataError } from "../../../core/errors/error.js";
import type { Logger } from "../../../core/log.js";

import { EventsDefinition, ForwardRequest } from "../../../core/proto/gen/containerd/events-service.js";
import { createClient } from "../../../core/rpc/client.js";
import { ClientConnection } from "../../../core/rpc/client-connection.js";
import { connect } from "../../../core/rpc/connect.js";
import { toTimestamp } from "./conversions.js";
import type { TopicEvent } from "./task-events.js";

/** Where events go and what happens when nobody takes them. */
export interface EventPublisherOptions {
  /** containerd's ttrpc socket: an absolute path, `unix://` before it or not. */
  readonly address: string;
  readonly namespace: string;
  readonly log: Logger;
  /** Events that wait at most; beyond them the oldest is dropped. 4096 unless given. */
  readonly queueLimit?: number;
  /** Milliseconds after which an event that nobody took is dropped; ten minutes unless given. */
  readonly keepMs?: number;
  /** Milliseconds one attempt may take; 5000 unless given. */
  readonly attemptMs?: number;
  /** Milliseconds to the second attempt, doubled after each up to 5 s; 100 unless given. */
  readonly retryMs?: number;
}

const longestPause = 5_000;

/**
 * Sends events to containerd: in order, one at a time, and each until it is taken. While containerd is away they wait;
 * what it refuses is logged and dropped, for it would refuse it again.
 */
export class EventPublisher {
  readonly #options: Required<EventPublisherOptions>;
  readonly #path: string;
  readonly #queue: TopicEvent[] = [];
  readonly #abort = new AbortController();
  #connection: ClientConnection | undefined;
  #sending: Promise<void> | undefined;
  #dropped = 0;

  constructor(options: EventPublisherOptions) {
    this.#options = { queueLimit: 4096, keepMs: 600_000, attemptMs: 5_000, retryMs: 100, ...options };
    this.#path = options.address.replace(/^unix:\/\//, "");
  }

  /** Events that were given up. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes an event; never throws and never waits. */
  publish(event: TopicEvent): void {
    if (this.#abort.signal.aborted) return this.#drop(event, "the publisher is closed");
    this.#queue.push(event);
    if (this.#queue.length > this.#options.queueLimit) {
      // The one that is being sent stays: it may have been taken already.
      const [oldest] = this.#queue.splice(1, 1);
      if (oldest) this.#drop(oldest, `more than ${this.#options.queueLimit} events wait`);
    }
    this.#sending ??= this.#sendAll();
  }

  /** Waits until all events are sent, `ms` at most, and ends. What is left then is dropped. */
  async close(ms: number): Promise<void> {
    const what = `containerd to take ${this.#queue.length} events`;
    await withDeadline({ ms, what }, async () => this.#sending).catch((error: unknown) => {
      this.#options.log.warn("events were not sent", { error });
    });
    this.destroy(new Error("the publisher is closed"));
    await this.#sending;
  }

  /** Ends now. */
  destroy(reason: unknown): void {
    this.#abort.abort(reason);
    this.#connection?.destroy(reason);
  }

  async #sendAll(): Promise<void> {
    let pause = this.#options.retryMs;
    for (let event = this.#queue[0]; event !== undefined; event = this.#queue[0]) {
      const problem = await this.#send(event);
      if (problem === undefined) {
        pause = this.#options.retryMs;
        this.#queue.shift();
        continue;
      }
      const { log, keepMs } = this.#options;
      if (this.#abort.signal.aborted) break;
      const old = Date.now() - event.at.getTime() > keepMs;
      if (old || isRefusal(problem)) {
        this.#queue.shift();
        this.#drop(event, old ? `nobody took it for ${keepMs} ms` : "containerd refused it", problem);
        continue;
      }
      log.debug("an event was not taken, it will be sent again", { topic: event.topic, pause, error: problem });
      await sleep(pause, undefined, { signal: this.#abort.signal }).catch(() => undefined);
      pause = Math.min(pause * 2, longestPause);
    }
    for (const event of this.#queue.splice(0)) this.#drop(event, "the publisher is closed");
    this.#sending = undefined;
  }

  async #send(event: TopicEvent): Promise<unknown> {
    const { namespace, attemptMs } = this.#options;
    try {
      const connection = await this.#connect();
      const envelope = {
        timestamp: toTimestamp(event.at),
        namespace,
        topic: event.topic,
        event: { typeUrl: event.typeUrl, value: event.value },
      };
      await createClient(EventsDefinition, connection).forward(ForwardRequest.fromPartial({ envelope }), {
        deadlineMs: attemptMs,
        metadata: { "containerd-namespace-ttrpc": namespace },
        signal: this.#abort.signal,
      });
      return undefined;
    } catch (error) {
      return error;
    }
  }

  async #connect(): Promise<ClientConnection> {
    if (this.#connection !== undefined) return this.#connection;
    const peer = "containerd";
    const { attemptMs } = this.#options;
    const socket = await connect({ path: this.#path, peer, deadlineMs: attemptMs, signal: this.#abort.signal });
    const connection = new ClientConnection(socket, { peer, log: this.#options.log });
    this.#connection = connection;
    void this.#forgetWhenEnded(connection);
    return connection;
  }

  async #forgetWhenEnded(connection: ClientConnection): Promise<void> {
    await connection.ended;
    if (this.#connection === connection) this.#connection = undefined;
  }

  #drop(event: TopicEvent, why: string, error?: unknown): void {
    this.#dropped++;
    this.#options.log.warn("an event is lost", {
      topic: event.topic,
      container: event.containerId,
      why,
      ...(error !== undefined && { error }),
    });
  }
}

/** Whether containerd took the message and said no, as opposed to not being there. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof KataError)) return false;
  return error.status !== "UNAVAILABLE" && error.status !== "DEADLINE_EXCEEDED" && error.status !== "CANCELLED";
}
