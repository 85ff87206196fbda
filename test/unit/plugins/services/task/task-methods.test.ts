import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { Observable } from "rxjs";
import { defineErrors, KataError } from "../../../../../src/core/errors/error.js";
import {
  closeTaskIo,
  connectTask,
  createTask,
  deleteTask,
  execTask,
  killTask,
  pauseTask,
  resizeTask,
  resumeTask,
  shutdownTask,
  startTask,
  type TaskState,
  taskPids,
  taskState,
  updateTask,
  waitTask,
} from "../../../../../src/core/messages/task.js";
import { Options } from "../../../../../src/core/proto/gen/containerd/runtime-options.js";
import {
  CreateTaskRequest,
  DeleteResponse,
  ExecProcessRequest,
} from "../../../../../src/core/proto/gen/containerd/task.js";
import type { DeletedContainer } from "../../../../../src/plugins/services/task/config.js";
import { TaskHarness } from "./task-harness.js";

const exitedAt = new Date(1_700_000_000_123);
const timestamp = { seconds: 1_700_000_000n, nanos: 123_000_000 };
const specType = "types.containerd.io/opencontainers/runtime-spec/1";
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

const testErrors = defineErrors({
  TEST_UNKNOWN: { status: "NOT_FOUND", message: (p: { id: string }) => `no container "${p.id}"` },
});

/** The error with which a call is answered. */
async function failure(call: Promise<unknown>): Promise<KataError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof KataError) return error;
    throw error;
  }
  throw new Error("the call was answered well");
}

describe("the methods of the task service", () => {
  let harness: TaskHarness;
  const deleted: DeletedContainer[] = [];

  beforeEach(async () => {
    deleted.length = 0;
    harness = await TaskHarness.start({ deleted: (container) => deleted.push(container) });
  });

  afterEach(() => harness.stop());

  const writeConfig = (text: string) => writeFileSync(join(harness.directory, "config.json"), text);
  const create = (parts: Partial<CreateTaskRequest> = {}) =>
    harness.client.create(CreateTaskRequest.fromPartial({ id: "c1", bundle: harness.directory, ...parts }));

  it("creates a task from the bundle, the rootfs and the io", async () => {
    const spec = { ociVersion: "1.0.2", process: { cwd: "/", args: ["true"], user: { uid: 0, gid: 0 } } };
    writeConfig(JSON.stringify(spec));
    harness.answer(createTask, { pid: 42 });
    const rootfs = [{ type: "overlay", source: "overlay", target: "", options: ["index=off", "lowerdir=/a:/b"] }];
    const answer = await create({ rootfs, stdin: "/run/in", stdout: "/run/out" });
    expect(answer.pid).to.equal(42);
    const io = { stdin: "/run/in", stdout: "/run/out", terminal: false };
    const payload = { containerId: "c1", bundle: harness.directory, spec, rootfs, io };
    expect(harness.received).to.deep.equal([{ kind: "task.create", payload }]);
  });

  it("hands on the configuration that the options name, with and without the URL's prefix", async () => {
    writeConfig("{}");
    harness.answer(createTask, { pid: 1 });
    const value = Options.encode({ typeUrl: "", configPath: "/etc/x.toml", configBody: new Uint8Array() }).finish();
    for (const prefix of ["", "type.googleapis.com/"]) {
      await create({ options: { typeUrl: `${prefix}runtimeoptions.v1.Options`, value } });
    }
    for (const { payload } of harness.received) expect(payload).to.include({ configPath: "/etc/x.toml" });
    expect(harness.received).to.have.length(2);
  });

  it("refuses options it does not know, or that mean nothing to it", async () => {
    writeConfig("{}");
    const unknown = await failure(
      create({ options: { typeUrl: "containerd.runc.v1.Options", value: new Uint8Array() } }),
    );
    expect(unknown.status).to.equal("INVALID_ARGUMENT");
    expect(unknown.message).to.contain("containerd.runc.v1.Options").and.contain("runtimeoptions.v1.Options");
    const typeUrl = "runtimeoptions.v1.Options";
    const encode = (parts: Partial<Options>) => ({
      typeUrl,
      value: Options.encode(Options.fromPartial(parts)).finish(),
    });
    expect((await failure(create({ options: encode({ configPath: "x.toml" }) }))).message).to.contain("absolute");
    const body = encode({ configBody: json({}) });
    expect((await failure(create({ options: body }))).status).to.equal("UNIMPLEMENTED");
    expect((await failure(create({ options: { typeUrl, value: new Uint8Array([0x12, 0x7f]) } }))).message).to.contain(
      "decoded",
    );
  });

  it("says what is wrong with a bundle", async () => {
    expect(await failure(create())).to.have.property("status", "NOT_FOUND");
    writeConfig('{"process": {"cwd": "/"},\n "root": }');
    const broken = await failure(create());
    expect(broken.status).to.equal("INVALID_ARGUMENT");
    expect(broken.message).to.contain("line 2, column 10").and.contain('found "}"');
    // What `ctr` shows, and `kata-ts explain` says more of.
    expect(broken.message).to.match(/ \[KATA_JSON_SYNTAX\]$/);
    writeConfig('{"process": {"cwd": "/", "args": ["a", 7]}}');
    expect((await failure(create())).message).to.contain("process.args[1] is 7, but must be text");
    writeConfig("[]");
    expect((await failure(create())).message).to.contain("must be an object");
    writeConfig(" ".repeat(9 * 1024 * 1024));
    expect((await failure(create())).status).to.equal("RESOURCE_EXHAUSTED");
    for (const bundle of ["relative", "/run/../etc", ""]) {
      expect((await failure(create({ bundle }))).message).to.contain("absolute path");
    }
  });

  it("refuses checkpoints", async () => {
    writeConfig("{}");
    expect((await failure(create({ checkpoint: "/x" }))).status).to.equal("UNIMPLEMENTED");
    const call = harness.client.checkpoint({ id: "c1", path: "/x", options: undefined });
    expect((await failure(call)).status).to.equal("UNIMPLEMENTED");
  });

  it("starts, waits and kills the first process and further ones", async () => {
    harness.answer(startTask, { pid: 7 });
    harness.answer(waitTask, { status: 143, exitedAt });
    harness.answer(killTask, undefined);
    expect(await harness.client.start({ id: "c1", execId: "" })).to.deep.equal({ pid: 7 });
    expect(await harness.client.wait({ id: "c1", execId: "e1" })).to.deep.equal({
      exitStatus: 143,
      exitedAt: timestamp,
    });
    await harness.client.kill({ id: "c1", execId: "c1", signal: 9, all: true });
    expect(harness.received).to.deep.equal([
      { kind: "task.start", payload: { containerId: "c1", execId: "" } },
      { kind: "task.wait", payload: { containerId: "c1", execId: "e1" } },
      { kind: "task.kill", payload: { containerId: "c1", execId: "", signal: 9, all: true } },
    ]);
  });

  it("adds a process from its JSON", async () => {
    harness.answer(execTask, undefined);
    const exec = (typeUrl: string, value: Uint8Array) =>
      harness.client.exec(
        ExecProcessRequest.fromPartial({ id: "c1", execId: "e1", terminal: true, spec: { typeUrl, value } }),
      );
    const process = { cwd: "/", args: ["ls"], env: ["A=B"] };
    await exec(`${specType}/Process`, json(process));
    await exec(`type.googleapis.com/${specType}/Process`, json({ ...process, capabilities: null }));
    const payload = {
      containerId: "c1",
      execId: "e1",
      process: { ...process, user: { uid: 0, gid: 0 } },
      io: { terminal: true },
    };
    expect(harness.received.map((one) => one.payload)).to.deep.equal([payload, payload]);
    expect((await failure(exec(`${specType}/Spec`, json(process)))).message).to.contain("/Spec");
    expect((await failure(exec(`${specType}/Process`, json({ args: [] })))).message).to.contain("cwd is absent");
    expect((await failure(exec(`${specType}/Process`, new Uint8Array([123])))).message).to.contain("column 2");
    const missing = harness.client.exec(ExecProcessRequest.fromPartial({ id: "c1", execId: "e1" }));
    expect((await failure(missing)).message).to.contain("missing");
  });

  it("updates resources from their JSON", async () => {
    harness.answer(updateTask, undefined);
    const value = json({ memory: { limit: 1048576 }, cpu: { quota: -1 } });
    const typeUrl = `${specType}/LinuxResources`;
    await harness.client.update({ id: "c1", resources: { typeUrl, value }, annotations: {} });
    const resources = { memory: { limit: 1048576 }, cpu: { quota: -1 } };
    expect(harness.received).to.deep.equal([{ kind: "task.update", payload: { containerId: "c1", resources } }]);
    const wrong = { typeUrl, value: json({ memory: { limit: "1G" } }) };
    const error = await failure(harness.client.update({ id: "c1", resources: wrong, annotations: {} }));
    expect(error.message).to.contain('memory.limit is "1G"');
  });

  it("reports a state with all that is known", async () => {
    harness.answer(
      taskState,
      async (id): Promise<TaskState> => ({
        id,
        bundle: "/b",
        pid: id.execId === "" ? 9 : 0,
        status: id.execId === "" ? "stopped" : "created",
        io: { stdout: "/out", terminal: true },
        ...(id.execId === "" && { exit: { status: 3, exitedAt } }),
      }),
    );
    const common = { bundle: "/b", stdin: "", stdout: "/out", stderr: "", terminal: true };
    expect(await harness.client.state({ id: "c1", execId: "" })).to.deep.equal({
      ...common,
      id: "c1",
      execId: "",
      pid: 9,
      status: 3,
      exitStatus: 3,
      exitedAt: timestamp,
    });
    expect(await harness.client.state({ id: "c1", execId: "e1" })).to.deep.equal({
      ...common,
      id: "e1",
      execId: "e1",
      pid: 0,
      status: 1,
      exitStatus: 0,
      exitedAt: undefined,
    });
  });

  it("passes on pause, resume, resize, close-io, pids and connect", async () => {
    harness.answer(pauseTask, undefined);
    harness.answer(resumeTask, undefined);
    harness.answer(resizeTask, undefined);
    harness.answer(closeTaskIo, undefined);
    harness.answer(taskPids, { pids: [5, 6] });
    harness.answer(connectTask, { pid: 5 });
    const { client } = harness;
    await client.pause({ id: "c1" });
    await client.resume({ id: "c1" });
    await client.resizePty({ id: "c1", execId: "", width: 80, height: 24 });
    await client.closeIO({ id: "c1", execId: "", stdin: true });
    expect((await client.pids({ id: "c1" })).processes.map(({ pid }) => pid)).to.deep.equal([5, 6]);
    expect(await client.connect({ id: "c1" })).to.deep.equal({ shimPid: process.pid, taskPid: 5, version: "" });
    expect(harness.received.slice(2, 4)).to.deep.equal([
      { kind: "task.resize", payload: { containerId: "c1", execId: "", columns: 80, rows: 24 } },
      { kind: "task.close-io", payload: { containerId: "c1", execId: "", stdin: true } },
    ]);
  });

  it("tells of a deleted container before it answers, and of no exec", async () => {
    const exit = { status: 137, exitedAt };
    harness.answer(deleteTask, { pid: 9, exit });
    harness.answer(
      taskState,
      async (id): Promise<TaskState> => ({ id, bundle: "/b", pid: 9, status: "stopped", io: { terminal: false } }),
    );
    const answer = await harness.client.delete({ id: "c1", execId: "" });
    expect(answer).to.deep.equal({ pid: 9, exitStatus: 137, exitedAt: timestamp });
    expect(deleted).to.deep.equal([
      { containerId: "c1", bundle: "/b", response: DeleteResponse.encode(answer).finish() },
    ]);
    await harness.client.delete({ id: "c1", execId: "e1" });
    expect(deleted).to.have.length(1);
  });

  it("keeps the status of an error, and names what was not there", async () => {
    harness.answer(startTask, testErrors.TEST_UNKNOWN({ id: "c9" }));
    const error = await failure(harness.client.start({ id: "c9", execId: "" }));
    expect(error.status).to.equal("NOT_FOUND");
    expect(error.message).to.contain('no container "c9"');
  });

  it("knows of no container before the first is created, whatever is wrong with the configuration", async () => {
    const error = await failure(harness.client.state({ id: "c1", execId: "" }));
    expect(error.status).to.equal("NOT_FOUND");
    expect(error.message).to.contain('no container "c1"');
  });

  it("says so when the handler does not answer a message", async () => {
    harness.answer(startTask, { pid: 1 });
    expect((await failure(harness.client.pause({ id: "c1" }))).status).to.equal("UNIMPLEMENTED");
  });

  it("gives up a wait whose caller is gone", async () => {
    let onBegun = (): void => undefined;
    let onAbandoned = (): void => undefined;
    const begun = new Promise<void>((resolve) => (onBegun = resolve));
    const abandoned = new Promise<void>((resolve) => (onAbandoned = resolve));
    harness.dispatcher.handle(waitTask, "test", () => {
      return new Observable<never>(() => {
        onBegun();
        return onAbandoned;
      });
    });
    const call = failure(harness.client.wait({ id: "c1", execId: "" }));
    await begun;
    harness.connection.destroy(new Error("gone"));
    expect((await call).status).to.equal("UNAVAILABLE");
    await abandoned;
  });
});

describe("Shutdown", () => {
  it("ends a shim whose only Create has failed", async () => {
    const harness = await TaskHarness.start();
    await harness.client.shutdown({ id: "c1", now: false });
    await harness.service.finished;
    await harness.stop();
  });

  it("finishes after everything was released and containerd was told", async () => {
    const order: string[] = [];
    const harness = await TaskHarness.start({
      release: async () => {
        order.push("released");
      },
    });
    let done = false;
    harness.answer(shutdownTask, async () => ({ done }));
    void harness.service.finished.then(() => order.push("finished"));
    await harness.client.shutdown({ id: "c1", now: false });
    expect(order).to.deep.equal([]);
    done = true;
    await harness.client.shutdown({ id: "c2", now: false });
    order.push("answered");
    await harness.service.finished;
    await harness.client.shutdown({ id: "c2", now: true }).catch(() => undefined);
    expect(order.filter((one) => one === "released")).to.have.length(1);
    expect(order.indexOf("released")).to.equal(0);
    expect(order).to.include.members(["answered", "finished"]);
    await harness.service.close();
    expect(await harness.connection.ended).to.equal(undefined);
    await harness.stop();
  });
});
