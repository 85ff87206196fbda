import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { codeOf, KataError, messageOf } from "../../../src/core/errors/error.js";
import { TaskOOM } from "../../../src/core/proto/gen/containerd/events.js";
import { Any } from "../../../src/core/proto/gen/google/protobuf/any.js";
import type { Service } from "../../../src/core/contracts/service.js";
import { plugin as virtContainer } from "../../../src/plugins/handlers/virt-container/index.js";
import { plugin as task } from "../../../src/plugins/services/task/index.js";
import { FakeContainerd, type FakeShim, FakeWorld, podAnnotations, shimProgram } from "../../../src/testing/index.js";

const sigterm = 15;
const sleep = { args: ["sleep", "1000"], cwd: "/", user: { uid: 0, gid: 0 } };

/** A shim in this process, over fakes of all that is below it. */
class Shim implements FakeShim {
  readonly world: FakeWorld;
  readonly socket: string;
  readonly starts: string[] = [];
  readonly deletes: string[] = [];
  service: Service | undefined;

  constructor(readonly directory: string) {
    this.world = new FakeWorld({ directory, plugins: [virtContainer, task] });
    this.socket = join(directory, "shim");
  }

  async start({ id, namespace, eventsAddress }: Parameters<FakeShim["start"]>[0]): Promise<string> {
    this.starts.push(id);
    if (this.service === undefined) {
      const config = { listen: { path: this.socket }, namespace, publisher: { address: eventsAddress } };
      this.service = await this.world.runtime.createService("task", config);
      await this.service.start();
    }
    return `unix://${this.socket}`;
  }

  async delete({ id }: Parameters<FakeShim["start"]>[0]): Promise<void> {
    this.deletes.push(id);
  }
}

describe("a fake containerd", () => {
  let directory: string;
  let containerd: FakeContainerd;
  let shim: Shim;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "ktsc-"));
    containerd = await FakeContainerd.open({ directory: mkdtempSync(join(directory, "c-")) });
    shim = new Shim(mkdtempSync(join(directory, "s-")));
  });
  afterEach(async () => {
    await containerd.close();
    await shim.world.runtime.close();
    rmSync(directory, { recursive: true });
  });

  const failureOf = async (promise: Promise<unknown>): Promise<KataError> => {
    const error: unknown = await promise.then(
      () => undefined,
      (cause: unknown) => cause,
    );
    if (!(error instanceof KataError)) throw new Error(`it is no failure with a code: ${messageOf(error)}`);
    return error;
  };

  it("plays a container's life through a shim, and is told of it", async () => {
    const { world } = shim;
    const one = await containerd.create({ id: "one", shim });
    expect(JSON.parse(readFileSync(join(one.bundle, "config.json"), "utf8"))).to.have.property("process");
    expect(await one.state()).to.include({ status: "created", pid: one.pid });
    expect(await one.start()).to.equal(one.pid);
    const exit = one.wait();
    expect((await one.state()).status).to.equal("running");

    const more = await one.exec("more", sleep);
    await more.start();
    world.agent.process("one", "more").end(7);
    expect((await more.wait()).status).to.equal(7);
    expect((await more.delete()).status).to.equal(7);

    await one.pause();
    expect((await one.state()).status).to.equal("paused");
    await one.resume();
    await one.update({ pids: { limit: 10 } });
    await one.resize(80, 25);
    await one.closeInput();
    expect(await one.pids()).to.include(one.pid);
    expect(await one.statsType()).to.match(/^io\.containerd\.cgroups\./);

    await one.kill(sigterm, { all: true });
    const { status, exitedAt } = await exit;
    expect(status).to.equal(128 + sigterm);
    expect(exitedAt).to.be.instanceOf(Date);
    expect((await one.delete()).status).to.equal(128 + sigterm);
    await shim.service?.finished;
    await containerd.told("/tasks/delete", "one");
    expect(containerd.topics("one")).to.deep.equal([
      "create",
      "start",
      "exec-added",
      "exec-started",
      "exit",
      "paused",
      "resumed",
      "exit",
      "delete",
    ]);
    const exits = containerd.events.filter(({ topic }) => topic === "/tasks/exit");
    expect(exits.map(({ id, exitStatus, namespace }) => [id, exitStatus, namespace])).to.deep.equal([
      ["more", 7, "default"],
      ["one", 128 + sigterm, "default"],
    ]);
    expect(shim.deletes).to.deep.equal(["one"]);
    expect(existsSync(one.bundle)).to.equal(false);
    expect(await world.left()).to.deep.equal([]);
  });

  it("has one shim serve a pod, whose last Shutdown alone ends it", async () => {
    const pod = await containerd.create({ id: "pod", shim, annotations: podAnnotations("sandbox") });
    const one = await containerd.create({ id: "one", shim, annotations: podAnnotations("container") });
    for (const container of [pod, one]) await container.start();
    expect(shim.world.hypervisors).to.have.length(1);
    expect(shim.starts).to.deep.equal(["pod", "one"]);
    let finished = false;
    void shim.service?.finished.then(() => (finished = true));
    await one.kill(9, { all: true });
    await one.wait();
    await one.delete();
    expect((await pod.state()).status).to.equal("running");
    expect(finished).to.equal(false);
    await pod.kill(9);
    await pod.wait();
    await pod.delete();
    await shim.service?.finished;
    expect(shim.deletes).to.deep.equal(["one", "pod"]);
  });

  it("ends a shim whose Create has failed, and passes on what that has said", async () => {
    shim.world.prepareHypervisor = (machine) => void (machine.startError = new Error("no machine today"));
    const error = await failureOf(containerd.create({ id: "one", shim }));
    expect(error.message).to.include("no machine today");
    await shim.service?.finished;
    expect(shim.deletes).to.deep.equal(["one"]);
    expect(readdirSync(join(containerd.eventsAddress, "../bundles"))).to.deep.equal([]);
    expect(await shim.world.left()).to.deep.equal([]);
  });

  it("does not ask a shim to delete what runs, and says of what is not there that it is not", async () => {
    const one = await containerd.create({ id: "one", shim });
    await one.start();
    const error = await failureOf(one.delete());
    expect(error.message).to.include("the task one must be stopped before deletion, it is running");
    expect((await one.state()).status).to.equal("running");
    const none = await one.exec("more", sleep);
    await none.start();
    await none.kill(9);
    await none.wait();
    await none.delete();
    const gone = await failureOf(none.state());
    expect(gone.status).to.equal("NOT_FOUND");
    expect(gone.message).to.match(/\[KATA_PROCESS_UNKNOWN\]$/);
  });

  it("cleans up after a shim that has died, and tells of its container in its place", async () => {
    const one = await containerd.create({ id: "one", shim });
    await one.start();
    await shim.service?.destroy(new Error("killed"));
    const exit = await containerd.told("/tasks/exit", "one");
    expect(exit).to.deep.include({ containerId: "one", id: "one", exitStatus: 137 });
    await containerd.told("/tasks/delete", "one");
    expect(shim.deletes).to.deep.equal(["one"]);
    expect((await failureOf(one.state())).status).to.equal("UNAVAILABLE");
  });

  it("waits for what it is told as long as it may, and says then what it was told", async () => {
    await containerd.create({ id: "one", shim });
    const error = await failureOf(containerd.told("/tasks/oom", "one", 50));
    expect(error.code).to.equal("KATA_DEADLINE");
    expect(error.message).to.include("told /tasks/oom of one").and.include("/tasks/create of one");
  });

  /** A program that does what a shim's `start` would, of which the rest is in this process. */
  const program = (lines: readonly string[]): FakeShim => {
    const path = join(directory, "containerd-shim-test-v2");
    writeFileSync(path, ["#!/bin/sh", ...lines, ""].join("\n"));
    chmodSync(path, 0o700);
    return shimProgram(path, { SHIM: shim.socket, LOG: join(directory, "calls") });
  };
  const calls = () => readFileSync(join(directory, "calls"), "utf8").trim().split("\n");

  it("runs a shim's program as containerd does, in the bundle, with its flags", async () => {
    await shim.start({
      id: "",
      namespace: "default",
      bundle: "",
      eventsAddress: containerd.eventsAddress,
      publishBinary: "",
    });
    const started = program([
      'echo "$PWD $TTRPC_ADDRESS $*" >> "$LOG"',
      'test "$1" = -namespace && echo "unix://$SHIM"',
    ]);
    const one = await containerd.create({ id: "one", shim: started });
    await one.delete();
    const [start = "", end = ""] = calls();
    const address = containerd.eventsAddress;
    const flags = `-namespace default -address ${address.replace(".ttrpc", "")} -publish-binary ${containerd.publishBinary} -id one`;
    expect(start).to.equal(`${one.bundle} ${address} ${flags} start`);
    expect(end).to.equal(`${one.bundle} ${address} ${flags} -bundle ${one.bundle} delete`);
  });

  it("takes what a start writes besides its address for a failure, and leaves nothing then", async () => {
    for (const lines of [["echo /nowhere; echo a warning >&2"], ["echo boom; exit 3"]]) {
      const error = await failureOf(containerd.create({ id: "one", shim: program(lines) }));
      expect(error.message).to.match(/start ended with (0: a warning|3: boom)/);
    }
    expect(codeOf(await failureOf(containerd.create({ id: "one", shim: program(["echo /nowhere"]) })))).to.equal(
      "KATA_RPC_CONNECT",
    );
    expect(readdirSync(join(containerd.eventsAddress, "../bundles"))).to.deep.equal([]);
  });

  it("takes what is published by its program", async () => {
    const value = TaskOOM.encode({ containerId: "one" }).finish();
    writeFileSync(join(directory, "event"), Any.encode({ typeUrl: "containerd.events.TaskOOM", value }).finish());
    const { spawnSync } = await import("node:child_process");
    const shell = `'${containerd.publishBinary}' publish --topic /tasks/oom --namespace other < '${join(directory, "event")}'`;
    expect(spawnSync("sh", ["-c", shell], { encoding: "utf8" }).stderr).to.equal("");
    const told = await containerd.told("/tasks/oom", "one");
    expect(told).to.deep.equal({ topic: "/tasks/oom", namespace: "other", containerId: "one" });
  });
});
