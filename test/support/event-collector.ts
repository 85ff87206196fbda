import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as events from "../../src/core/proto/gen/containerd/events.js";
import { EventsDefinition } from "../../src/core/proto/gen/containerd/events-service.js";
import { Empty } from "../../src/core/proto/gen/google/protobuf/empty.js";
import type { Listener } from "../../src/core/rpc/listen.js";
import { Server } from "../../src/core/rpc/server.js";

/** An event as containerd would get it. */
export interface CollectedEvent {
  readonly topic: string;
  readonly containerId: string;
  /** Exit status, of the topic `/tasks/exit`. */
  readonly exitStatus?: number;
}

/** Takes the events that shims send, in containerd's place. */
export class EventCollector {
  /** What came, in its order. */
  readonly events: CollectedEvent[] = [];
  /** To be given to shims as `TTRPC_ADDRESS`. */
  readonly address: string;
  /** Its own: what is looked for below a test's directory is none of the test's own sockets. */
  readonly #directory = mkdtempSync(join(tmpdir(), "kte-"));
  readonly #server = new Server();
  #listening: Promise<Listener> | undefined;

  constructor() {
    this.address = join(this.#directory, "events");
    this.#server.addService(EventsDefinition, {
      forward: async ({ envelope }) => {
        const value = envelope?.event?.value ?? new Uint8Array();
        const topic = envelope?.topic ?? "";
        // The container is the first field of each of these messages, so one decodes what all have.
        const exit = topic === "/tasks/exit" ? events.TaskExit.decode(value) : undefined;
        const { containerId } = exit ?? events.TaskOOM.decode(value);
        this.events.push({ topic, containerId, ...(exit && { exitStatus: exit.exitStatus }) });
        return Empty.fromPartial({});
      },
    });
  }

  /** Listens, once however often it is called. */
  async listen(): Promise<void> {
    this.#listening ??= this.#server.listen({ path: this.address });
    await this.#listening;
  }

  /** The topics of one container, without `/tasks/`. */
  topics(id: string): string[] {
    return this.events
      .filter(({ containerId }) => containerId === id)
      .map(({ topic }) => topic.slice("/tasks/".length));
  }

  close(): void {
    this.#server.destroy(new Error("the test is over"));
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
