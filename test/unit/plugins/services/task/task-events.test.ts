import { expect } from "chai";
import { EventBus } from "../../../../../src/core/dispatch/event-bus.js";
import { silentLogger } from "../../../../../src/core/log.js";
import {
  execAdded,
  execStarted,
  taskCreated,
  taskDeleted,
  taskExited,
  taskOutOfMemory,
  taskPaused,
  taskResumed,
  taskStarted,
} from "../../../../../src/core/messages/events.js";
import * as events from "../../../../../src/core/proto/gen/containerd/events.js";
import { type TopicEvent, translateEvents } from "../../../../../src/plugins/services/task/task-events.js";

const exit = { status: 3, exitedAt: new Date(1_700_000_000_005) };
const exitedAt = { seconds: 1_700_000_000n, nanos: 5_000_000 };

function decode({ typeUrl, value }: TopicEvent): unknown {
  const name = typeUrl.replace("containerd.events.", "");
  const type = (events as unknown as Record<string, { decode(bytes: Uint8Array): unknown } | undefined>)[name];
  return type?.decode(value);
}

describe("translateEvents", () => {
  it("fills every field of every event, in the order in which they came", () => {
    const bus = new EventBus(silentLogger);
    const published: TopicEvent[] = [];
    const end = translateEvents(bus, (event) => published.push(event));
    const rootfs = [{ type: "bind", source: "/a", target: "", options: ["rbind"] }];
    bus.publish(taskCreated, { containerId: "c", bundle: "/b", rootfs, io: { stdout: "/o", terminal: true }, pid: 7 });
    bus.publish(taskStarted, { containerId: "c", pid: 7 });
    bus.publish(execAdded, { containerId: "c", execId: "e" });
    bus.publish(execStarted, { containerId: "c", execId: "e", pid: 8 });
    bus.publish(taskPaused, { containerId: "c" });
    bus.publish(taskResumed, { containerId: "c" });
    bus.publish(taskOutOfMemory, { containerId: "c" });
    bus.publish(taskExited, { id: { containerId: "c", execId: "e" }, pid: 8, exit });
    bus.publish(taskExited, { id: { containerId: "c", execId: "" }, pid: 7, exit });
    bus.publish(taskDeleted, { containerId: "c", pid: 7, exit });
    expect(published.map((event) => [event.topic, decode(event)])).to.deep.equal([
      [
        "/tasks/create",
        {
          containerId: "c",
          bundle: "/b",
          rootfs,
          io: { stdin: "", stdout: "/o", stderr: "", terminal: true },
          checkpoint: "",
          pid: 7,
        },
      ],
      ["/tasks/start", { containerId: "c", pid: 7 }],
      ["/tasks/exec-added", { containerId: "c", execId: "e" }],
      ["/tasks/exec-started", { containerId: "c", execId: "e", pid: 8 }],
      ["/tasks/paused", { containerId: "c" }],
      ["/tasks/resumed", { containerId: "c" }],
      ["/tasks/oom", { containerId: "c" }],
      ["/tasks/exit", { containerId: "c", id: "e", pid: 8, exitStatus: 3, exitedAt }],
      ["/tasks/exit", { containerId: "c", id: "c", pid: 7, exitStatus: 3, exitedAt }],
      ["/tasks/delete", { containerId: "c", pid: 7, exitStatus: 3, exitedAt, id: "" }],
    ]);
    end();
    bus.publish(taskStarted, { containerId: "c", pid: 7 });
    expect(published).to.have.length(10);
  });
});
