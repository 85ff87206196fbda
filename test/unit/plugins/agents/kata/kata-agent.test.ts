import { expect } from "chai";
import type { OciSpec } from "../../../../../src/core/oci/spec.js";
import { KataError } from "../../../../../src/core/errors/error.js";
import type { CreateContainerRequest, CreateSandboxRequest } from "../../../../../src/core/proto/gen/kata/agent.js";
import { type AgentMethods, FakeGuest } from "./fake-guest.js";

const init = { containerId: "c1", execId: "c1" };
const exec = { containerId: "c1", execId: "e1" };
const refuse = (status: "NOT_FOUND" | "INTERNAL", message: string) => {
  throw new KataError("KATA_TEST", status, message);
};

describe("KataAgent", () => {
  let guest: FakeGuest;

  const make = (methods: AgentMethods): FakeGuest => (guest = new FakeGuest(methods));

  afterEach(() => guest.close());

  async function rejection(promise: Promise<unknown>): Promise<KataError> {
    const outcome = await promise.then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(outcome).to.be.instanceOf(KataError);
    return outcome as KataError;
  }

  describe("connecting", () => {
    it("waits until the agent is there", async () => {
      const agent = make({}).agent();
      const connecting = agent.connect(guest.address, new AbortController().signal);
      await new Promise((resolve) => setTimeout(resolve, 20));
      await guest.listen();
      await connecting;
      await agent.check();
    });

    it("tries again when the connection ends before the agent answers", async () => {
      const agent = make({}).agent();
      const connections: unknown[] = [];
      await guest.raw(1024, (socket) => {
        if (connections.push(socket) === 1) socket.destroy();
        else socket.resume();
      });
      const abort = new AbortController();
      const connecting = agent.connect(guest.address, abort.signal);
      while (connections.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      const reason = new Error("the guest has not come up");
      setTimeout(() => abort.abort(reason), 30);
      expect(await connecting.catch((error: unknown) => error)).to.equal(reason);
    });

    it("does not take an agent that cannot serve", async () => {
      guest = new FakeGuest({}, 2);
      await guest.listen();
      const error = await rejection(guest.agent().connect(guest.address, new AbortController().signal));
      expect(error.code).to.equal("KATA_AGENT_UNHEALTHY");
    });

    it("refuses calls before it", async () => {
      const error = await rejection(make({}).agent().startContainer("c1"));
      expect(error).to.include({ code: "KATA_AGENT_NOT_CONNECTED", status: "FAILED_PRECONDITION" });
    });

    it("tells when the guest is lost, and fails what is pending", async () => {
      const agent = await make({ waitProcess: () => new Promise(() => undefined) }).connected();
      const waiting = rejection(agent.waitProcess(init));
      guest.die();
      expect(await agent.lost).to.include({ code: "KATA_AGENT_LOST", status: "UNAVAILABLE" });
      expect((await waiting).status).to.equal("UNAVAILABLE");
    });

    it("does not call it lost when it was closed", async () => {
      const agent = await make({}).connected();
      let lost = false;
      void agent.lost.then(() => (lost = true));
      await agent.close();
      await new Promise((resolve) => setImmediate(resolve));
      expect(lost).to.equal(false);
    });
  });

  it("sends what the sandbox and the container are made of", async () => {
    const seen: { sandbox?: CreateSandboxRequest; container?: CreateContainerRequest } = {};
    const agent = await make({
      createSandbox: (request) => ((seen.sandbox = request), {}),
      createContainer: (request) => ((seen.container = request), {}),
    }).connected();
    const storage = {
      driver: "virtio-fs",
      source: "kataShared",
      fstype: "virtiofs",
      options: ["nodev"],
      mountPoint: "/s",
    };
    await agent.createSandbox({
      sandboxId: "s1",
      hostname: "pod",
      dns: ["nameserver 1.1.1.1"],
      storages: [storage],
      sharedPidNamespace: true,
      guestHookPath: "/hooks",
      kernelModules: [{ name: "tun", parameters: ["a=1"] }],
    });
    expect(seen.sandbox).to.deep.equal({
      hostname: "pod",
      dns: ["nameserver 1.1.1.1"],
      storages: [{ ...storage, driverOptions: [], fsGroup: undefined, shared: false }],
      sandboxPidns: true,
      sandboxId: "s1",
      guestHookPath: "/hooks",
      kernelModules: [{ name: "tun", parameters: ["a=1"] }],
    });
    const spec: OciSpec = {
      ociVersion: "1.0.2",
      root: { path: "/r" },
      process: { user: { uid: 1, gid: 2 }, cwd: "/" },
    };
    await agent.createContainer({ containerId: "c1", spec, storages: [], devices: [], sharedPidNamespace: false });
    expect(seen.container).to.deep.include({ containerId: "c1", execId: "c1", sandboxPidns: false });
    expect(seen.container?.OCI).to.deep.include({ Root: { Path: "/r", Readonly: false } });
  });

  it("warns of what the protocol cannot carry", async () => {
    const agent = await make({ updateContainer: () => ({}) }).connected();
    await agent.updateContainer("c1", { unified: { "memory.high": "1" } });
    expect(
      guest.logLines.some(({ level, text }) => level === "warn" && text.includes("linux.resources.unified")),
    ).to.equal(true);
  });

  describe("errors", () => {
    it("keep the agent's status and say what it was about", async () => {
      const agent = await make({
        startContainer: () => refuse("NOT_FOUND", "no such container"),
        signalProcess: () => refuse("NOT_FOUND", "no such process"),
      }).connected();
      const start = await rejection(agent.startContainer("c1"));
      expect(start).to.include({ code: "KATA_RPC_NOT_FOUND", status: "NOT_FOUND" });
      expect(start.message)
        .to.contain('the container "c1": grpc.AgentService/StartContainer')
        .and.contain("no such container");
      const signal = await rejection(agent.signalProcess(exec, 9, false));
      expect(signal.message).to.contain('the process "e1" of the container "c1"');
    });

    it("come when the agent takes too long", async () => {
      const agent = await make({ pauseContainer: () => new Promise(() => undefined) }).connected({ requestTime: 20 });
      expect((await rejection(agent.pauseContainer("c1"))).status).to.equal("DEADLINE_EXCEEDED");
    });

    it("are told of methods an agent lacks", async () => {
      const agent = await make({}).connected();
      const error = await rejection(agent.capability("network")?.listRoutes() ?? Promise.resolve());
      expect(error.status).to.equal("UNIMPLEMENTED");
    });
  });

  describe("a process", () => {
    it("is read until its end, as either generation of agents tells it", async () => {
      const answers = [() => ({ data: Buffer.from("out") }), () => ({ data: Buffer.alloc(0) })];
      const agent = await make({
        readStdout: () => answers.shift()?.() ?? refuse("INTERNAL", "read more than there is"),
        readStderr: () => refuse("INTERNAL", "read  meet eof"),
      }).connected();
      expect(Buffer.from((await agent.readStdout(init, 10)) ?? []).toString()).to.equal("out");
      expect(await agent.readStdout(init, 10)).to.equal(undefined);
      expect(await agent.readStderr(init, 10)).to.equal(undefined);
    });

    it("is not believed when it answers with more than was asked for", async () => {
      const agent = await make({ readStdout: () => ({ data: Buffer.alloc(11) }) }).connected();
      expect((await rejection(agent.readStdout(init, 10))).code).to.equal("KATA_AGENT_ANSWER");
    });

    it("is not believed when its exit status cannot be one", async () => {
      const answers = [-1, 256, 255];
      const agent = await make({ waitProcess: () => ({ status: answers.shift() ?? 0 }) }).connected();
      expect((await rejection(agent.waitProcess(init))).code).to.equal("KATA_AGENT_ANSWER");
      expect((await rejection(agent.waitProcess(init))).code).to.equal("KATA_AGENT_ANSWER");
      expect(await agent.waitProcess(init)).to.equal(255);
    });

    it("is written to piece by piece, as much as it takes", async () => {
      const written: Buffer[] = [];
      const agent = await make({
        writeStdin: ({ data }) => {
          const taken = data.subarray(0, Math.min(data.length, 100_000));
          written.push(Buffer.from(taken));
          return { len: taken.length };
        },
      }).connected();
      const data = Buffer.alloc(700_001, "abcdefg");
      await agent.writeStdin(init, data);
      expect(Buffer.concat(written).equals(data)).to.equal(true);
      await agent.writeStdin(init, Buffer.alloc(0));
      expect(
        written.every((piece) => piece.length > 0),
        "an empty write would end the stream",
      ).to.equal(true);
    });

    it("that takes nothing is an error, not an endless loop", async () => {
      const agent = await make({ writeStdin: () => ({ len: 0 }) }).connected();
      expect((await rejection(agent.writeStdin(init, Buffer.from("x")))).code).to.equal("KATA_AGENT_ANSWER");
    });

    it("is signalled alone or with all others of its container", async () => {
      const seen: unknown[] = [];
      const agent = await make({ signalProcess: (request) => (seen.push(request), {}) }).connected();
      await agent.signalProcess(exec, 15, false);
      await agent.signalProcess(init, 9, true);
      expect(seen).to.deep.equal([
        { containerId: "c1", execId: "e1", signal: 15 },
        { containerId: "c1", execId: "", signal: 9 },
      ]);
    });

    it("can be waited for no longer", async () => {
      const agent = await make({ waitProcess: () => new Promise(() => undefined) }).connected();
      const abort = new AbortController();
      const waiting = rejection(agent.waitProcess(init, abort.signal));
      abort.abort();
      expect((await waiting).status).to.equal("CANCELLED");
    });
  });

  describe("with an agent that drops the output of a process once it is waited for", () => {
    const foreign = (order: string[]): AgentMethods => ({
      getGuestDetails: () => ({ memBlockSizeBytes: 0n, supportMemHotplugProbe: false }),
      readStdout: async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        order.push("end of stdout");
        return { data: Buffer.alloc(0) };
      },
      readStderr: () => (order.push("end of stderr"), { data: Buffer.alloc(0) }),
      waitProcess: () => (order.push("wait"), { status: 3 }),
      removeContainer: () => ({}),
    });

    it("waits when all was read", async () => {
      const order: string[] = [];
      const agent = await make(foreign(order)).connected();
      const status = agent.waitProcess(init);
      await Promise.all([agent.readStdout(init, 10), agent.readStderr(init, 10)]);
      expect(await status).to.equal(3);
      expect(order).to.deep.equal(["end of stderr", "end of stdout", "wait"]);
    });

    it("waits no longer for a container that is removed", async () => {
      const order: string[] = [];
      const agent = await make(foreign(order)).connected();
      const status = agent.waitProcess(exec);
      await new Promise((resolve) => setTimeout(resolve, 10));
      await agent.removeContainer("c1");
      expect(await status).to.equal(3);
    });
  });

  describe("memory events", () => {
    it("come as they happen, until nobody wants them", async () => {
      const ids = ["c1", "c2"];
      const abort = new AbortController();
      const agent = await make({
        getOOMEvent: () => {
          const containerId = ids.shift();
          return containerId === undefined ? new Promise(() => undefined) : { containerId };
        },
      }).connected();
      const seen: string[] = [];
      for await (const id of agent.capability("oom")?.events(abort.signal) ?? []) {
        seen.push(id);
        if (seen.length === 2) abort.abort();
      }
      expect(seen).to.deep.equal(["c1", "c2"]);
    });

    it("name containers, nothing else", async () => {
      const agent = await make({ getOOMEvent: () => ({ containerId: "../../etc\n" }) }).connected();
      const read = async () => {
        for await (const id of agent.capability("oom")?.events(new AbortController().signal) ?? []) expect.fail(id);
      };
      expect((await rejection(read())).code).to.equal("KATA_AGENT_ANSWER");
    });
  });

  it("names disks for swap as the protocol does: numbers of slots, or a path", async () => {
    const seen: unknown[] = [];
    const note = (request: unknown) => (seen.push(request), {});
    const agent = await make({ addSwap: note, addSwapPath: note }).connected();
    const add = (type: string, id: string, vmPath = "") =>
      agent.capability("swap")?.add({ type, id, vmPath, containerPath: "", options: [] }) ?? Promise.resolve();
    await add("blk", "02/1f");
    await add("mmioblk", "/dev/vdb", "/dev/vdb");
    expect(seen).to.deep.equal([{ PCIPath: [2, 31] }, { path: "/dev/vdb" }]);
    for (const [type, id] of [
      ["scsi", "0:1"],
      ["blk", "02.1"],
      ["blk", ""],
    ] as const) {
      expect((await rejection(add(type, id))).code).to.equal("KATA_AGENT_SWAP_PLACE");
    }
    expect(seen).to.have.length(2);
  });

  it("sets the guest's clock, also before 1970", async () => {
    const seen: unknown[] = [];
    const agent = await make({ setGuestDateTime: (request) => (seen.push(request), {}) }).connected();
    await agent.capability("clock")?.setTime(new Date(1_700_000_000_123));
    await agent.capability("clock")?.setTime(new Date(-1));
    expect(seen).to.deep.equal([
      { Sec: 1_700_000_000n, Usec: 123_000n },
      { Sec: -1n, Usec: 999_000n },
    ]);
  });
});
