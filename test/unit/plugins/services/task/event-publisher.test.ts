import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { defineErrors } from "../../../../../src/core/errors/error.js";
import { silentLogger } from "../../../../../src/core/log.js";
import { EventsDefinition } from "../../../../../src/core/proto/gen/containerd/events-service.js";
import { Server } from "../../../../../src/core/rpc/server.js";
import {
  EventPublisher,
  type EventPublisherOptions,
} from "../../../../../src/plugins/services/task/event-publisher.js";
import type { TopicEvent } from "../../../../../src/plugins/services/task/task-events.js";

const testErrors = defineErrors({
  TEST_REFUSED: { status: "INVALID_ARGUMENT", message: () => "no" },
  TEST_AWAY: { status: "UNAVAILABLE", message: () => "not now" },
});

describe("EventPublisher", () => {
  let directory: string;
  let path: string;
  let server: Server | undefined;
  let publisher: EventPublisher;
  /** Topics as containerd got them. */
  let taken: string[];
  let onTaken: () => void;
  /** What containerd does with an event before it takes it. */
  let respond: (topic: string) => void;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "events-"));
    path = join(directory, "c.sock.ttrpc");
    taken = [];
    onTaken = () => undefined;
    respond = () => undefined;
  });

  afterEach(() => {
    publisher.destroy(new Error("the test is over"));
    server?.destroy(new Error("the test is over"));
    rmSync(directory, { recursive: true, force: true });
  });

  async function startContainerd(): Promise<void> {
    server = new Server();
    server.addService(EventsDefinition, {
      forward({ envelope }, { metadata }) {
        expect(metadata.get("containerd-namespace-ttrpc")).to.deep.equal(["ns"]);
        expect(envelope?.namespace).to.equal("ns");
        respond(envelope?.topic ?? "");
        taken.push(envelope?.topic ?? "");
        onTaken();
        return {};
      },
    });
    await server.listen({ path });
  }

  function stopContainerd(): void {
    server?.destroy(new Error("containerd is stopped"));
    server = undefined;
    rmSync(path, { force: true });
  }

  function create(options: Partial<EventPublisherOptions> = {}): void {
    publisher = new EventPublisher({ address: path, namespace: "ns", log: silentLogger, retryMs: 1, ...options });
  }

  function publish(...topics: string[]): void {
    for (const topic of topics) publisher.publish(event(topic));
  }

  const event = (topic: string, at = new Date()): TopicEvent => {
    return { topic, typeUrl: "containerd.events.TaskStart", value: new Uint8Array(), at, containerId: "c" };
  };

  const takenCount = (count: number) =>
    new Promise<void>((resolve) => {
      onTaken = () => {
        if (taken.length >= count) resolve();
      };
      onTaken();
    });

  it("sends events in order, once each, to an address with and without a scheme", async () => {
    await startContainerd();
    create({ address: `unix://${path}` });
    const topics = Array.from({ length: 50 }, (_, index) => `/tasks/${index}`);
    publish(...topics.slice(0, 20));
    await takenCount(7);
    publish(...topics.slice(20));
    await publisher.close(5000);
    expect(taken).to.deep.equal(topics);
  });

  it("keeps events while containerd is down, in order", async () => {
    create();
    publish("1", "2");
    await new Promise((resolve) => setTimeout(resolve, 20));
    await startContainerd();
    publish("3");
    await takenCount(3);
    stopContainerd();
    publish("4");
    await startContainerd();
    publish("5");
    await takenCount(5);
    expect(taken).to.deep.equal(["1", "2", "3", "4", "5"]);
    expect(publisher.dropped).to.equal(0);
  });

  it("sends again what containerd could not take, and drops what it refuses", async () => {
    await startContainerd();
    let away = 2;
    respond = (topic) => {
      if (topic === "2" && away-- > 0) throw testErrors.TEST_AWAY({});
      if (topic === "3") throw testErrors.TEST_REFUSED({});
    };
    create();
    publish("1", "2", "3", "4");
    await publisher.close(5000);
    expect(taken).to.deep.equal(["1", "2", "4"]);
    expect(publisher.dropped).to.equal(1);
  });

  it("holds a bounded number of events, for a bounded time", async () => {
    create({ queueLimit: 3 });
    publish("1", "2", "3", "4", "5");
    expect(publisher.dropped).to.equal(2);
    await startContainerd();
    await takenCount(3);
    expect(taken).to.deep.equal(["1", "4", "5"]);
    stopContainerd();
    create({ keepMs: 1000 });
    publisher.publish(event("old", new Date(Date.now() - 2000)));
    publish("new");
    await startContainerd();
    await takenCount(4);
    expect(taken.at(-1)).to.equal("new");
    expect(publisher.dropped).to.equal(1);
  });

  it("does not hold up the end when containerd is away", async () => {
    create();
    publish("1", "2");
    await publisher.close(10);
    expect(publisher.dropped).to.equal(2);
    publish("3");
    expect(publisher.dropped).to.equal(3);
  });
});
