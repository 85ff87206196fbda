import { expect } from "chai";
import { SandboxDefinition } from "../../../../src/core/proto/gen/containerd/sandbox.js";
import { EventsDefinition } from "../../../../src/core/proto/gen/containerd/events-service.js";
import { DeleteResponse, TaskDefinition } from "../../../../src/core/proto/gen/containerd/task.js";
import { TaskDefinition as TaskV3Definition } from "../../../../src/core/proto/gen/containerd/task-v3.js";
import { AgentServiceDefinition } from "../../../../src/core/proto/gen/kata/agent.js";
import { HealthDefinition } from "../../../../src/core/proto/gen/kata/health.js";

describe("the generated protocols", () => {
  const services = [
    [TaskDefinition, "containerd.task.v2.Task", 17],
    [TaskV3Definition, "containerd.task.v3.Task", 17],
    [EventsDefinition, "containerd.services.events.ttrpc.v1.Events", 1],
    [SandboxDefinition, "containerd.runtime.sandbox.v1.Sandbox", 9],
    [AgentServiceDefinition, "grpc.AgentService", 42],
    [HealthDefinition, "grpc.Health", 2],
  ] as const;
  for (const [definition, name, methods] of services) {
    it(`have ${name} under that name, with its ${methods} unary methods`, () => {
      expect(definition.fullName).to.equal(name);
      const found = Object.values<{ requestStream: boolean; responseStream: boolean }>(definition.methods);
      expect(found.length).to.equal(methods);
      expect(found.some((method) => method.requestStream || method.responseStream)).to.equal(false);
    });
  }

  it("read and write what containerd's shims print", () => {
    const bytes = Uint8Array.from([0x08, 0x07, 0x10, 0x89, 0x01, 0x1a, 0x06, 0x08, 0x80, 0x94, 0xeb, 0xdc, 0x03]);
    const message = { pid: 7, exitStatus: 137, exitedAt: { seconds: 1_000_000_000n, nanos: 0 } };
    expect(DeleteResponse.decode(bytes)).to.deep.equal(message);
    expect(DeleteResponse.encode(message).finish()).to.deep.equal(bytes);
  });
});
