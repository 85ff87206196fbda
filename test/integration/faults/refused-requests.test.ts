import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { type ContainerOptions, execRequest, MachineShim, refusal, type Refusal } from "../../support/machine-shim.js";
import { expectNoLeaks } from "../../support/leaks.js";
import { podAnnotations } from "../../support/shim.js";
import { lastingPod } from "./lasting-pod.js";

const annotations = podAnnotations("container", "pod");

describe("a pod that goes on when it is asked for", () => {
  const pod = lastingPod();

  /** What a container of the pod is refused with. */
  async function createRefusal(id: string, options: ContainerOptions = {}): Promise<Refusal> {
    pod.shim.specify(id, ["true"], { annotations, ...options });
    const task = await pod.shim.connect(id);
    const refused = await refusal(task.create({ ...pod.shim.createRequest(id), ...options.request }));
    expect(await refusal(task.state({ id, execId: "" }))).to.include({ status: "NOT_FOUND" });
    return refused;
  }

  describe("the id of a container or process", () => {
    it("that is there already", async () => {
      expect(await refusal(pod.task.create(pod.shim.createRequest("pod")))).to.deep.equal({
        status: "ALREADY_EXISTS",
        message: 'the container "pod" exists already, in the sandbox "pod" [KATA_CONTAINER_EXISTS]',
      });
      await pod.task.exec(execRequest("pod", "twice", ["true"]));
      expect(await refusal(pod.task.exec(execRequest("pod", "twice", ["true"])))).to.deep.equal({
        status: "ALREADY_EXISTS",
        message: 'the process "twice" exists already in the container "pod" [KATA_PROCESS_EXISTS]',
      });
      await pod.task.delete({ id: "pod", execId: "twice" });
    });

    it("that is not there", async () => {
      const message = 'no container "nobody"; there are: pod [KATA_CONTAINER_UNKNOWN]';
      const process = { id: "nobody", execId: "" };
      const calls = [
        pod.task.start(process),
        pod.task.state(process),
        pod.task.wait(process),
        pod.task.delete(process),
        pod.task.kill({ ...process, signal: 9, all: false }),
        pod.task.pids(process),
        pod.task.stats(process),
        pod.task.pause(process),
        pod.task.resume(process),
        pod.task.connect(process),
        pod.task.exec(execRequest("nobody", "e", ["true"])),
        pod.task.resizePty({ ...process, width: 1, height: 1 }),
        pod.task.closeIO({ ...process, stdin: true }),
      ];
      for (const call of calls) expect(await refusal(call)).to.deep.equal({ status: "NOT_FOUND", message });
      expect(await refusal(pod.task.start({ id: "pod", execId: "nobody" }))).to.deep.equal({
        status: "NOT_FOUND",
        message: 'no process "nobody" in the container "pod"; there are: none [KATA_PROCESS_UNKNOWN]',
      });
    });

    it("that is no id", async () => {
      const request = { ...pod.shim.createRequest("pod"), id: "../etc" };
      expect(await refusal(pod.task.create(request))).to.include({ status: "INVALID_ARGUMENT" });
      const exec = await refusal(pod.task.exec(execRequest("pod", "a/b", ["true"])));
      expect(exec).to.include({ status: "INVALID_ARGUMENT" });
      expect(exec.message).to.match(/^the exec id "a\/b" is not an id: it begins with/);
    });

    it("twice at once: one is made", async () => {
      pod.shim.specify("c1", ["sleep", "1000"], { annotations });
      const task = await pod.shim.connect("c1");
      const create = () => task.create(pod.shim.createRequest("c1"));
      const results = await Promise.allSettled([create(), create()]);
      expect(results.map(({ status }) => status)).to.have.members(["fulfilled", "rejected"]);
      const lost = results.find((result) => result.status === "rejected");
      expect(lost?.reason).to.include({ status: "ALREADY_EXISTS" });
      expect(String(lost?.reason)).to.include('the container "c1" exists already');
      expect(pod.shim.events.topics("c1")).to.deep.equal(["create"]);
      await task.start({ id: "c1", execId: "" });
      await pod.shim.remove("c1");
    });
  });

  it("a process in a container that has ended, or was never started", async () => {
    pod.shim.specify("c2", ["true"], { annotations });
    const task = await pod.shim.connect("c2");
    await task.create(pod.shim.createRequest("c2"));
    const exec = () => refusal(task.exec(execRequest("c2", "e", ["true"])));
    const status = "FAILED_PRECONDITION";
    expect(await exec()).to.deep.equal({
      status,
      message: 'cannot run a process in the container "c2": it is created, and must be running [KATA_STATE]',
    });
    await task.start({ id: "c2", execId: "" });
    await task.wait({ id: "c2", execId: "" });
    expect(await exec()).to.deep.equal({
      status,
      message: 'cannot run a process in the container "c2": it is stopped, and must be running [KATA_STATE]',
    });
    await pod.shim.remove("c2");
  });

  describe("a container whose bundle", () => {
    for (const [what, config, status, said] of [
      ["has no config.json", undefined, "NOT_FOUND", "the bundle has no config.json: <file> is not there"],
      ["has an empty one", "", "INVALID_ARGUMENT", "<file> is not JSON: line 1, column 1: "],
      [
        "has one that breaks off",
        '{"process": {\n"args": [',
        "INVALID_ARGUMENT",
        "<file> is not JSON: line 2, column 10: ",
      ],
      ["has one with a wrong type", '{"process": {"cwd": "/", "args": "true"}}', "INVALID_ARGUMENT", "process.args is"],
      [
        "has one without a process",
        '{"root": {"path": "rootfs"}}',
        "INVALID_ARGUMENT",
        "config.json: process is missing",
      ],
    ] as const) {
      it(what, async () => {
        const file = join(pod.shim.bundle("c3").path, "config.json");
        if (config === undefined) rmSync(file, { force: true });
        else writeFileSync(file, config);
        const refused = await refusal(pod.task.create(pod.shim.createRequest("c3")));
        expect(refused).to.include({ status });
        expect(refused.message).to.include(said.replace("<file>", file));
      });
    }

    it("is not there, or is no absolute path", async () => {
      const request = pod.shim.createRequest("c3");
      const missing = await refusal(pod.task.create({ ...request, bundle: "/nowhere/c3" }));
      expect(missing).to.include({ status: "NOT_FOUND" });
      expect(missing.message).to.include("the bundle has no config.json: /nowhere/c3/config.json is not there");
      expect(await refusal(pod.task.create({ ...request, bundle: "c3/../.." }))).to.include({
        status: "INVALID_ARGUMENT",
      });
    });

    for (const [field, change] of [
      ["linux.devices", { linux: { devices: [{ path: "/dev/kvm", type: "c", major: 10, minor: 232 }] } }],
      ["linux.intelRdt", { linux: { intelRdt: { closID: "x" } } }],
      ["linux.uidMappings", { linux: { uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }] } }],
      ["linux.namespaces", { linux: { namespaces: [{ type: "user" }] } }],
      ["linux.personality", { linux: { personality: { domain: "LINUX32" } } }],
      ["hooks.prestart", { hooks: { prestart: [{ path: "/bin/true" }] } }],
      ["windows", { windows: {} }],
      ["vm", { vm: { kernel: { path: "/vmlinuz" } } }],
    ] as const) {
      it(`asks for ${field}, which is not supported`, async () => {
        const refused = await createRefusal("c4", {
          change: (spec) =>
            ({ ...spec, ...change, linux: { ...spec.linux, ...("linux" in change && change.linux) } }) as typeof spec,
        });
        expect(refused).to.include({ status: "UNIMPLEMENTED" });
        expect(refused.message).to.match(/^config\.json asks for .* = .*, which is not supported: ./);
        expect(refused.message).to.include(`asks for ${field} = `);
      });
    }
  });

  describe("stdio at a path that is", () => {
    let path: string;
    before(() => {
      path = join(pod.shim.directory, "stdio");
    });
    const kinds: Readonly<Record<string, () => void | Promise<() => void>>> = {
      "regular file": () => writeFileSync(path, "untouched"),
      directory: () => mkdirSync(path),
      "symbolic link": () => {
        execFileSync("mkfifo", [`${path}-fifo`]);
        symlinkSync(`${path}-fifo`, path);
      },
      socket: async () => {
        const server = createServer().listen(path);
        await once(server, "listening");
        return () => void server.close();
      },
      "character device": () => void execFileSync("mknod", [path, "c", "1", "3"]),
    };
    afterEach(() => {
      rmSync(path, { recursive: true, force: true });
      rmSync(`${path}-fifo`, { force: true });
    });

    for (const [kind, make] of Object.entries(kinds)) {
      it(`a ${kind}`, async () => {
        const undo = await make();
        for (const stream of ["stdin", "stdout", "stderr"] as const) {
          const expected = `${stream} "${path}" is not a fifo: `;
          const created = await createRefusal("c5", { request: { [stream]: path } });
          expect(created).to.include({ status: "INVALID_ARGUMENT" });
          expect(created.message).to.include(expected).and.include(kind);
          const exec = await refusal(pod.task.exec(execRequest("pod", "e", ["true"], { [stream]: path })));
          expect(exec).to.include({ status: "INVALID_ARGUMENT" });
          expect(exec.message).to.include(expected).and.include(kind);
        }
        undo?.();
      });
    }

    it("not there, or no path of one", async () => {
      const said = `stdout "${path}": there is no such fifo; whoever asks for the process makes it first`;
      const exec = () => refusal(pod.task.exec(execRequest("pod", "e", ["true"], { stdout: path })));
      for (const missing of [await createRefusal("c5", { request: { stdout: path } }), await exec()]) {
        expect(missing).to.include({ status: "NOT_FOUND" });
        expect(missing.message).to.include(said);
      }
      for (const text of ["relative", "http://host/path", `${path}/../x`]) {
        const refused = await createRefusal("c5", { request: { stdout: text } });
        expect(refused).to.include({ status: "INVALID_ARGUMENT" });
        expect(refused.message).to.include(`stdout "${text}"`).and.include("it can be the absolute path of a fifo");
      }
    });
  });
});

describe("a sandbox whose first container is refused", () => {
  let shim: MachineShim;
  before(() => {
    shim = new MachineShim();
  });
  after(() => shim.end());

  it("is undone, though its machine has begun to boot, and can be asked for again", async () => {
    const path = join(shim.directory, "stdio");
    writeFileSync(path, "untouched");
    shim.specify("c1", ["true"]);
    const task = await shim.connect("c1");
    for (const stream of ["stdin", "stdout", "stderr"]) {
      const refused = await refusal(task.create({ ...shim.createRequest("c1"), [stream]: path }));
      expect(refused).to.include({ status: "INVALID_ARGUMENT" });
      expect(refused.message).to.include(`${stream} "${path}" is not a fifo: `);
      expect(readdirSync(shim.roots.run)).not.to.include(shim.namespace);
    }
    const process = shim.shim("c1");
    await task.shutdown({ id: "c1", now: false });
    await shim.gone(process);
    expect(readFileSync(path, "utf8")).to.equal("untouched");
    expect(shim.events.events).to.deep.equal([]);
    expect(shim.leftovers()).to.deep.equal([]);
    await expectNoLeaks(new Set(), shim.leakScope);
  });
});
