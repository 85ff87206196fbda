import { expect } from "chai";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KataError } from "../../../../src/core/errors/error.js";
import { GuestProcessFixture } from "./fixture/guest-process.js";

const shell = (script: string): string[] => ["/bin/sh", "-c", script];

describe("the guest's agent, asked by the host's client", () => {
  let guest: GuestProcessFixture;

  before(async () => {
    guest = new GuestProcessFixture();
    await guest.start();
  });

  after(() => guest.close());

  async function refusal(promise: Promise<unknown>): Promise<KataError> {
    const outcome = await promise.then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(outcome, "it was not refused").to.be.instanceOf(KataError);
    return outcome as KataError;
  }

  it("says what it is", async () => {
    await guest.agent.check();
    const details = await guest.agent.guestDetails();
    expect(details.memoryBlockSize).to.equal(0x8000000n);
    expect(details.storageHandlers).to.include.members(["virtio-fs", "blk", "ephemeral"]);
    expect(await guest.agent.capability("metrics")?.metrics()).to.contain("kata_guest_meminfo{item=");
  });

  it("looks for disks that are to be swap where it is told to", async () => {
    const swap = guest.agent.capability("swap");
    const add = (id: string, vmPath: string) =>
      swap?.add({ type: "blk", id, vmPath, containerPath: "", options: [] }) ?? Promise.resolve();
    expect((await refusal(add("02/1f", ""))).message).to.include("the guest has no device 02/1f");
    expect((await refusal(add("", "/dev/none"))).message).to.include("the guest has no device /dev/none");
    expect((await refusal(add("", "/etc/passwd"))).status).to.equal("INVALID_ARGUMENT");
  });

  it("makes one sandbox, before any container", async () => {
    const early = await refusal(guest.createContainer("c1", ["/bin/true"]));
    expect(early.status).to.equal("FAILED_PRECONDITION");
    await guest.createSandbox();
    expect((await refusal(guest.createSandbox())).status).to.equal("ALREADY_EXISTS");
    await guest.agent.destroySandbox();
    await guest.createSandbox();
    await guest.agent.destroySandbox();
  });

  it("undoes a sandbox that cannot be made", async () => {
    const storage = { driver: "9p", source: "x", fstype: "9p", options: [], mountPoint: "/run/x" };
    const none = { dns: [], kernelModules: [], guestHookPath: "", sharedPidNamespace: false };
    const setup = { sandboxId: "s1", hostname: "pod", storages: [storage], ...none };
    expect((await refusal(guest.agent.createSandbox(setup))).status).to.equal("INVALID_ARGUMENT");
    await guest.createSandbox();
    await guest.agent.destroySandbox();
  });

  describe("with a sandbox", () => {
    beforeEach(() => guest.createSandbox());

    afterEach(() => guest.agent.destroySandbox());

    it("runs a container, its streams apart, to its exact exit status", async () => {
      const init = await guest.run("c1", shell("echo out; echo err >&2; exit 7"));
      const status = guest.agent.waitProcess(init);
      const [out, err] = await Promise.all([guest.readAll(init), guest.readAll(init, "stderr")]);
      expect([out, err, await status]).to.deep.equal(["out\n", "err\n", 7]);
    });

    it("starts a container only when it is told to", async () => {
      const init = await guest.createContainer("c1", shell("echo started"));
      const output = guest.readAll(init);
      const quiet = new Promise((resolve) => setTimeout(resolve, 50, "nothing yet"));
      expect(await Promise.race([output, quiet])).to.equal("nothing yet");
      await guest.agent.startContainer("c1");
      expect(await output).to.equal("started\n");
      expect((await refusal(guest.agent.startContainer("c1"))).status).to.equal("FAILED_PRECONDITION");
    });

    it("tells the end of a process although a child of it holds its output", async () => {
      const init = await guest.run("c1", shell("sleep 60 & echo parent; exit 3"));
      expect(await guest.agent.waitProcess(init)).to.equal(3);
      expect(Buffer.from((await guest.agent.readStdout(init, 100)) ?? []).toString()).to.equal("parent\n");
    });

    it("keeps the output of a process that nobody reads, and lets it wait", async () => {
      const init = await guest.run("c1", shell("head -c 3000000 /dev/zero | tr '\\0' x; echo done >&2"));
      await new Promise((resolve) => setTimeout(resolve, 100));
      const waiting = await Promise.race([
        guest.readAll(init, "stderr"),
        new Promise((r) => setTimeout(r, 50, "not yet")),
      ]);
      expect(waiting).to.equal("not yet");
      expect((await guest.readAll(init)).length).to.equal(3_000_000);
    });

    it("answers a read with what there is, however much was asked for", async () => {
      const init = await guest.run("c1", shell("printf abcdef; read -r _"));
      const first = await guest.agent.readStdout(init, 4);
      const second = await guest.agent.readStdout(init, 65_536);
      expect([first, second].map((piece) => Buffer.from(piece ?? []).toString())).to.deep.equal(["abcd", "ef"]);
    });

    it("passes input on, in order and to its end", async () => {
      const init = await guest.run("c1", ["/bin/cat"]);
      const output = guest.readAll(init);
      const text = "x".repeat(500_000);
      await guest.agent.writeStdin(init, Buffer.from(text));
      await guest.agent.writeStdin(init, Buffer.from("end"));
      await guest.agent.closeStdin(init);
      await guest.agent.closeStdin(init);
      expect(await output).to.equal(`${text}end`);
      expect((await refusal(guest.agent.writeStdin(init, Buffer.from("late")))).status).to.equal("FAILED_PRECONDITION");
    });

    it("gives signals, and their number in the exit status", async () => {
      const init = await guest.run(
        "c1",
        shell("trap 'echo got it; exit 5' TERM; echo ready; while :; do sleep 0.01; done"),
      );
      await guest.agent.readStdout(init, 100);
      await guest.agent.signalProcess(init, 15, false);
      expect(await guest.agent.waitProcess(init)).to.equal(5);
      const other = await guest.run("c2", ["/bin/sleep", "60"]);
      await guest.agent.signalProcess(other, 9, false);
      expect(await guest.agent.waitProcess(other)).to.equal(137);
      const late = await refusal(guest.agent.signalProcess(other, 9, false));
      expect(late.status).to.equal("NOT_FOUND");
      expect(late.message).to.contain("ESRCH");
      expect((await refusal(guest.agent.signalProcess(init, 0, false))).status).to.equal("INVALID_ARGUMENT");
      expect((await refusal(guest.agent.signalProcess(init, 65, false))).status).to.equal("INVALID_ARGUMENT");
    });

    it("runs further processes, each under its own name and with its own streams", async () => {
      await guest.run("c1", ["/bin/sleep", "60"]);
      const first = await guest.exec("c1", "e1", shell("cat; echo one >&2; exit 1"));
      const second = await guest.exec("c1", "e2", shell("echo two; exit 2"));
      expect((await refusal(guest.exec("c1", "e1", ["/bin/true"]))).status).to.equal("ALREADY_EXISTS");
      expect(await guest.agent.waitProcess(second)).to.equal(2);
      await guest.agent.closeStdin(first);
      expect(await guest.agent.waitProcess(first)).to.equal(1);
      expect(await guest.readAll(first)).to.equal("");
      expect(await guest.readAll(first, "stderr")).to.equal("one\n");
      expect(await guest.readAll(second)).to.equal("two\n");
    });

    it("forgets a further process once all of it is told, but for its end, and takes its name again", async () => {
      await guest.run("c1", ["/bin/sleep", "60"]);
      for (const [status, word] of ["a", "b"].entries()) {
        const process = await guest.exec("c1", "e1", shell(`echo ${word}; exit ${status}`));
        expect(await guest.agent.waitProcess(process)).to.equal(status);
        expect(await guest.readAll(process)).to.equal(`${word}\n`);
        expect(await guest.readAll(process, "stderr")).to.equal("");
        expect((await refusal(guest.agent.readStdout(process, 10))).status).to.equal("NOT_FOUND");
        expect(await guest.agent.waitProcess(process), "who asked before may be gone").to.equal(status);
      }
    });

    it("says that a program is not there", async () => {
      const error = await refusal(
        guest.run("c1", ["/bin/sleep", "60"]).then(() => guest.exec("c1", "e1", ["/no/such"])),
      );
      expect(error).to.include({ status: "INVALID_ARGUMENT" });
      expect(error.message).to.contain("/no/such").and.contain('the process "e1" of the container "c1"');
      expect((await refusal(guest.agent.waitProcess({ containerId: "c1", execId: "e1" }))).status).to.equal(
        "NOT_FOUND",
      );
    });

    it("gives a terminal, its size, and its end of input", async () => {
      await guest.run("c1", ["/bin/sleep", "60"]);
      const script = "stty -echo; echo ready; read -r x; stty size; read -r y || echo end; exit 4";
      const terminal = await guest.exec("c1", "tty", shell(script), { terminal: true });
      expect(Buffer.from((await guest.agent.readStdout(terminal, 100)) ?? []).toString()).to.equal("ready\r\n");
      await guest.agent.resizeTerminal(terminal, { rows: 33, columns: 99 });
      await guest.agent.writeStdin(terminal, Buffer.from("go\n"));
      expect(Buffer.from((await guest.agent.readStdout(terminal, 100)) ?? []).toString()).to.equal("33 99\r\n");
      await guest.agent.closeStdin(terminal);
      expect(await guest.readAll(terminal)).to.equal("end\r\n");
      expect(await guest.readAll(terminal, "stderr")).to.equal("");
      expect(await guest.agent.waitProcess(terminal)).to.equal(4);
    });

    it("has no size to set where there is no terminal", async () => {
      const init = await guest.run("c1", ["/bin/sleep", "60"]);
      const error = await refusal(guest.agent.resizeTerminal(init, { rows: 1, columns: 1 }));
      expect(error.status).to.equal("FAILED_PRECONDITION");
    });

    it("removes a container with all that runs in it, and its name is free", async () => {
      const init = await guest.run("c1", ["/bin/sleep", "60"]);
      const status = guest.agent.waitProcess(init);
      await Promise.all([guest.agent.removeContainer("c1"), guest.agent.removeContainer("c1")]);
      expect(await status).to.equal(137);
      expect(existsSync(join(guest.directory, "run/kata-containers/c1"))).to.equal(false);
      await guest.agent.removeContainer("c1");
      await guest.run("c1", ["/bin/true"]);
    });

    it("removes a container that was never started", async () => {
      const init = await guest.createContainer("c1", ["/bin/true"]);
      await guest.agent.removeContainer("c1");
      expect((await refusal(guest.agent.startContainer(init.containerId))).status).to.equal("NOT_FOUND");
    });

    it("refuses a second container of a name, also while the first is being made", async () => {
      const [first, second] = await Promise.allSettled([
        guest.createContainer("c1", ["/bin/true"]),
        guest.createContainer("c1", ["/bin/true"]),
      ]);
      expect([first.status, second.status]).to.have.members(["fulfilled", "rejected"]);
      expect((await refusal(guest.createContainer("c1", ["/bin/true"]))).status).to.equal("ALREADY_EXISTS");
    });

    it("pauses a container and lets it go on", async () => {
      const init = await guest.run("c1", shell("while :; do echo tick; sleep 0.01; done"));
      await guest.agent.readStdout(init, 100);
      await guest.agent.pauseContainer("c1");
      expect((await refusal(guest.agent.pauseContainer("c1"))).status).to.equal("FAILED_PRECONDITION");
      expect((await refusal(guest.exec("c1", "e1", ["/bin/true"]))).status).to.equal("FAILED_PRECONDITION");
      await guest.agent.resumeContainer("c1");
      await guest.exec("c1", "e1", ["/bin/true"]);
    });

    it("takes other limits, and says when it cannot", async () => {
      await guest.run("c1", ["/bin/sleep", "60"]);
      await guest.agent.updateContainer("c1", { memory: { limit: 1024 } });
      const error = await refusal(guest.agent.updateContainer("c1", { memory: { limit: 666 } }));
      expect(error.message).to.contain('the container "c1"').and.contain("no such limits");
    });

    it("tells of a container whose memory ran out, before its end", async () => {
      const init = await guest.run("hungry", ["/bin/sleep", "60"]);
      const abort = new AbortController();
      const events = guest.agent.capability("oom")?.events(abort.signal)[Symbol.asyncIterator]();
      const order: string[] = [];
      const told = events?.next().then(({ value }) => order.push(`memory of ${String(value)}`));
      const ended = guest.agent.waitProcess(init).then(() => order.push("end"));
      writeFileSync(join(guest.directory, "cgroup/kata/hungry/memory.events"), "oom 1\noom_kill 1\n");
      await guest.agent.signalProcess(init, 9, false);
      await Promise.all([told, ended]);
      expect(order).to.deep.equal(["memory of hungry", "end"]);
      abort.abort();
    });

    it("refuses names that would lead elsewhere", async () => {
      for (const id of ["../c", "a/b", "", "-c", "shared", "sandbox", "x".repeat(129)]) {
        expect((await refusal(guest.createContainer(id, ["/bin/true"]))).status, id).to.equal("INVALID_ARGUMENT");
      }
      await guest.run("c1", ["/bin/sleep", "60"]);
      expect((await refusal(guest.exec("c1", "../e", ["/bin/true"]))).status).to.equal("INVALID_ARGUMENT");
    });

    it("names the field of a specification that cannot be", async () => {
      expect((await refusal(guest.createContainer("c1", []))).message).to.contain("process.args");
      expect((await refusal(guest.createContainer("c1", ["/bin/true"], { cwd: "tmp" }))).message).to.contain(
        "process.cwd",
      );
      const setup = { containerId: "c1", storages: [], devices: [], sharedPidNamespace: false };
      const spec = { ociVersion: "1.0.2", process: { user: { uid: 0, gid: 0 }, cwd: "/", args: ["x"] } };
      const relative = guest.agent.createContainer({ ...setup, spec: { ...spec, root: { path: "rootfs" } } });
      expect((await refusal(relative)).message).to.contain("root.path");
    });

    it("lets a lost host go, and nothing of a process is lost to the next", async () => {
      const init = await guest.run("c1", shell("read -r x; echo $x"));
      const first = await guest.anotherClient();
      const pending = first.readStdout(init, 100).catch(() => undefined);
      await first.close();
      await pending;
      await guest.agent.writeStdin(init, Buffer.from("kept\n"));
      expect(Buffer.from((await guest.agent.readStdout(init, 100)) ?? []).toString()).to.equal("kept\n");
    });

    it("forwards its log to the host", async () => {
      await guest.run("c1", ["/bin/true"]);
      while (!guest.logLines.some((line) => line.includes("created a container"))) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
  });
});
