import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { SysError } from "../../../../src/core/sys/sys-error.js";
import { fakeSys } from "../../../../src/testing/fake-sys.js";
import { deadline, readAll, rejected, temporaryDirectory, thrown } from "./fixture.js";

describe("the fake kernel", () => {
  const temporary = temporaryDirectory();

  it("remembers calls and answers as told", () => {
    const sys = fakeSys();
    sys.answer("processes", "identity", (pid) => ({ pid, startTime: 5n }));
    expect(sys.processes.identity(7)).to.deep.equal({ pid: 7, startTime: 5n });
    sys.reset();
    expect(sys.processes.identity(7)).to.equal(undefined);
    expect(sys.callsTo("processes", "identity")).to.deep.equal([[7], [7]]);
    expect(sys.calls[0]).to.deep.equal({ part: "processes", method: "identity", args: [7] });
  });

  it("refuses as told, in the way the method answers", async () => {
    const sys = fakeSys();
    sys.fail("mounts", "bind", "EBUSY", 1);
    const refusal = sys.mounts.bind("/a", "/b").catch((error: unknown) => error);
    expect(await refusal)
      .to.be.instanceOf(SysError)
      .and.include({ errnoName: "EBUSY" });
    await sys.mounts.bind("/a", "/b");
    sys.fail("terminals", "open", "ENODEV");
    expect(thrown(() => sys.terminals.open())).to.equal("ENODEV");
  });

  it("keeps mounts like the kernel does", async () => {
    const sys = fakeSys();
    await sys.mounts.mount({ source: "tmpfs", target: "/m", type: "tmpfs", data: "size=1m" });
    await sys.mounts.bind("/x", "/m/a", { readOnly: true });
    await sys.mounts.setPropagation("/m", "shared");
    expect(sys.mountTable.map((m) => [m.mountPoint, m.type, m.options[0], m.sharedGroup !== undefined])).to.deep.equal([
      ["/m", "tmpfs", "rw", true],
      ["/m/a", "bind", "ro", false],
    ]);
    expect(await rejected(() => sys.mounts.unmount("/m"))).to.equal("EBUSY");
    expect(sys.mounts.isMountPoint("/m/a/")).to.equal(true);
    expect(await sys.mounts.unmountTree("/m")).to.deep.equal(["/m/a", "/m"]);
    expect(await sys.mounts.unmount("/m")).to.equal(false);
    expect(await rejected(() => sys.mounts.restrict("/m", { readOnly: true }))).to.equal("EINVAL");
  });

  it("does not remove a tree with a pretended mount in it", async () => {
    const sys = fakeSys();
    mkdirSync(join(temporary.path, "tree/m"), { recursive: true });
    await sys.mounts.bind("/x", join(temporary.path, "tree/m"));
    const remove = (): Promise<void> => sys.files.removeTreeBeneath(temporary.path, "tree");
    expect(await rejected(remove)).to.equal("KATA_SYS_CROSSES_MOUNT");
    await sys.mounts.unmountTree(temporary.path);
    expect(await rejected(remove)).to.equal("nothing");
  });

  it("pretends processes and signals none", async () => {
    const sys = fakeSys();
    sys.processTable.set(4242, { startTime: 9n, signals: [] });
    const victim = sys.processes.identity(4242) ?? expect.fail();
    const ended = sys.processes.ended(victim, deadline);
    expect(sys.processes.signal({ ...victim, startTime: 8n }, "SIGKILL")).to.equal(false);
    expect(sys.processes.signal(victim, "SIGTERM")).to.equal(true);
    await ended;
    expect(sys.processes.isAlive(victim)).to.equal(false);
    expect(sys.processTable.get(4242)?.signals).to.deep.equal([15]);
    expect(thrown(() => sys.processes.openPidfd(4243))).to.equal("ESRCH");
  });

  it("connects vsock within the process", async () => {
    const sys = fakeSys();
    expect(await rejected(() => sys.vsock.connect({ cid: 3, port: 1024 }, deadline))).to.equal("ECONNRESET");
    const listener = sys.vsock.listen(
      { cid: 3, port: 1024 },
      { connection: (stream) => void stream.pipe(stream), error: (error) => expect.fail(error.message) },
    );
    const socket = await sys.vsock.connect({ cid: 3, port: 1024 }, deadline);
    socket.end("echo");
    expect(String(await readAll(socket))).to.equal("echo");
    if (!socket.closed) await once(socket, "close");
    listener.close();
  });

  it("runs actions in namespaces by name", () => {
    const sys = fakeSys();
    expect(sys.namespaces.inNetworkNamespace("/run/netns/a", () => sys.namespaces.identity("network"))).to.equal(
      "network:[/run/netns/a]",
    );
    expect(thrown(() => sys.namespaces.inNetworkNamespace("/run/netns/a", async () => 1))).to.equal(
      "KATA_SYS_NAMESPACE_ASYNC",
    );
  });

  it("takes real parts instead", () => {
    const mine = fakeSys();
    const sys = fakeSys({ parts: { machine: mine.machine } });
    sys.machine.setHostname("x");
    expect(mine.machine.hostname()).to.equal("x");
    expect(sys.callsTo("machine", "setHostname")).to.deep.equal([["x"]]);
  });
});
