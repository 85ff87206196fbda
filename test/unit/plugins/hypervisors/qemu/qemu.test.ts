import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { codeOf, messageOf } from "../../../../../src/core/errors/error.js";
import { isRunning, type ProcessIdentity } from "../../../../../src/core/process/identity.js";
import { failureOf, makeMachine, never, removeMachines, spec, type TestMachine } from "./machine.js";

/** A program that listens where QEMU does: `script` is run with `monitor(line => answer)` and `greet` at hand. */
const program = (script: string) => `#!${process.execPath}
const net = require("node:net");
const sockets = [];
const say = (socket, value) => socket.write(typeof value === "string" ? value : JSON.stringify(value) + "\\r\\n");
const greeting = { QMP: { version: { qemu: { major: 7, minor: 2, micro: 0 } }, capabilities: [] } };
function monitor(answer, first = greeting) {
  net.createServer((socket) => {
    sockets.push(socket);
    say(socket, first);
    let text = "";
    socket.on("data", (chunk) => {
      const lines = (text + chunk).split("\\n");
      text = lines.pop();
      for (const line of lines) {
        const command = JSON.parse(line);
        const said = answer(command);
        if (said !== undefined) say(socket, typeof said === "string" ? said : { ...said, id: command.id });
      }
    });
  }).listen({ fd: 3 });
  net.createServer((socket) => socket.write("guest console line\\n")).listen({ fd: 4 });
}
const well = ({ execute }) => {
  if (execute === "quit") setImmediate(() => process.exit(0));
  return { return: {} };
};
${script}
`;

describe("a QEMU machine, with another program in QEMU's place", () => {
  after(removeMachines);

  /** A machine whose program is `script`; the file is in the machine's own directory. */
  const machineOf = async (script: string): Promise<TestMachine> => {
    const path = join((await makeMachine({})).root, "fake-qemu");
    writeFileSync(path, program(script), { mode: 0o755 });
    const kernel = `${path}-kernel`;
    writeFileSync(kernel, "");
    return makeMachine({ path, kernel, initrd: kernel });
  };
  const nothingLeft = ({ runDirectory, record }: TestMachine, identity?: ProcessIdentity) => {
    expect(readdirSync(runDirectory)).to.deep.equal(["record.json"]);
    expect(record.content.processes).to.deep.equal([]);
    if (identity !== undefined) expect(isRunning(identity)).to.equal(false);
  };
  const identityIn = ({ record }: TestMachine) => record.content.processes[0]?.identity;

  it("starts, says what it is, and stops", async () => {
    const made = await machineOf("monitor(well);");
    const { machine, runDirectory } = made;
    expect(machine.guestAddress).to.deep.equal({ kind: "virtio-serial", directory: runDirectory });
    expect(() => machine.pid).to.throw(/not started/);
    await machine.start(spec, never);
    expect(machine.pid).to.be.greaterThan(1);
    expect(machine.slowdown).to.be.greaterThan(1);
    const sockets = ["console.sock", "port-1024.sock", "port-1025.sock", "qmp.sock"];
    expect(readdirSync(runDirectory).filter((name) => name.endsWith(".sock"))).to.deep.equal(sockets);
    for (const name of sockets) expect(statSync(join(runDirectory, name)).mode & 0o777).to.equal(0o600);
    const identity = identityIn(made);
    expect(identity?.pid).to.equal(machine.pid);
    while (machine.consoleTail().length === 0) await sleep(5);
    expect(machine.consoleTail()).to.deep.equal(["guest console line"]);
    await Promise.all([machine.stop(), machine.stop()]);
    expect(await machine.exited).to.deep.equal({ code: 0, expected: true });
    nothingLeft(made, identity);
    await machine.stop();
    await machine.destroy(new Error("late"));
  });

  it("refuses what comes in the wrong state", async () => {
    const made = await machineOf("monitor(well);");
    const { machine } = made;
    const pause = machine.capability("pause");
    expect(codeOf(await failureOf(pause?.pause() ?? Promise.resolve()))).to.equal("KATA_HYPERVISOR_STATE");
    await machine.start(spec, never);
    await pause?.pause();
    await pause?.resume();
    const again = await failureOf(machine.start(spec, never));
    expect(codeOf(again)).to.equal("KATA_HYPERVISOR_STATE");
    expect(messageOf(again)).to.include("running");
    const disk = { kind: "block", id: "d", path: "/dev/null", readOnly: true, driver: "virtio-scsi" } as const;
    expect(messageOf(await failureOf(machine.addDevice(disk)))).to.include("virtio-blk-pci");
    expect(codeOf(await failureOf(machine.removeDevice("d")))).to.equal("KATA_HYPERVISOR_DEVICE_UNKNOWN");
    const share = { kind: "fs", id: "f", tag: "t", socket: "/s", queueSize: 64, cacheSizeMiB: 0 } as const;
    expect(codeOf(await failureOf(machine.addDevice(share)))).to.equal("KATA_HYPERVISOR_DEVICE");
    await machine.destroy(new Error("test"));
    expect(await machine.exited).to.deep.equal({ code: -1, signal: "SIGKILL", expected: true });
    expect(messageOf(await failureOf(machine.addDevice(disk)))).to.include("gone");
    nothingLeft(made);
  });

  it("never starts after it was stopped", async () => {
    const made = await machineOf("monitor(well);");
    await made.machine.stop();
    expect(codeOf(await failureOf(made.machine.start(spec, never)))).to.equal("KATA_HYPERVISOR_STATE");
    nothingLeft(made);
  });

  it("gives QEMU's own words when it ends at once", async () => {
    const made = await machineOf(`console.error("qemu-system-x86_64: -machine foo: unsupported"); process.exit(1);`);
    const error = await failureOf(made.machine.start(spec, never));
    expect(codeOf(error)).to.equal("KATA_QEMU_EXITED");
    expect(messageOf(error)).to.include("exit code 1").and.include("-machine foo: unsupported");
    nothingLeft(made);
  });

  it("names the keys of what QEMU could not have: memory, or else its program and kernel", async () => {
    const cases = {
      "unable to map backing store for guest RAM: Cannot allocate memory": /default_memory .*enable_hugepages/,
      "cannot set up guest memory 'memory': Cannot allocate memory": /default_memory .*enable_hugepages/,
      "could not open kernel file": /\[hypervisor.qemu\] path and kernel set them/,
    };
    for (const [words, keys] of Object.entries(cases)) {
      const made = await machineOf(
        `console.error(${JSON.stringify(`qemu-system-x86_64: ${words}`)}); process.exit(1);`,
      );
      expect(messageOf(await failureOf(made.machine.start(spec, never)))).to.match(keys);
      nothingLeft(made);
    }
  });

  it("ends a program that speaks garbage, or refuses to go on, and shows what it said", async () => {
    const cases = {
      'monitor(well, "not QMP at all\\n");': "not QMP at all",
      'monitor(({ execute }) => execute === "cont" ? { error: { class: "GenericError", desc: "cannot go on" } } : { return: {} });':
        "cannot go on",
    };
    for (const [script, words] of Object.entries(cases)) {
      const made = await machineOf(script);
      const error = await failureOf(made.machine.start(spec, never));
      expect(codeOf(error)).to.equal("KATA_QEMU_START");
      expect(`${messageOf(error)} ${messageOf((error as Error).cause)} ${JSON.stringify(causes(error))}`).to.include(
        words,
      );
      nothingLeft(made);
    }
  });

  it("names the sockets of programs that have to answer first when it does not start", async () => {
    const script =
      'monitor(({ execute }) => execute === "cont" ? { error: { class: "GenericError", desc: "no" } } : { return: {} });';
    const failure = async (socket?: string): Promise<string> => {
      const made = await machineOf(script);
      const card = { id: "eth0", hardwareAddress: "02:00:00:00:00:01", queuePairs: 1, queueSize: 256 } as const;
      if (socket !== undefined) await made.machine.addDevice({ kind: "vhost-user-net", ...card, socket });
      const said = messageOf(await failureOf(made.machine.start(spec, never)));
      nothingLeft(made);
      return said;
    };
    expect(await failure("/run/switch.sock")).to.match(
      /what serves its cards has to answer first, on \/run\/switch\.sock$/,
    );
    expect(await failure()).to.not.include("serves its cards");
  });

  it("is ended when the start is called off", async () => {
    const made = await machineOf("monitor(() => undefined);");
    const abort = new AbortController();
    const failing = failureOf(made.machine.start(spec, abort.signal));
    while (identityIn(made) === undefined) await sleep(5);
    const identity = identityIn(made);
    const reason = new Error("enough waiting");
    abort.abort(reason);
    expect(await failing).to.equal(reason);
    nothingLeft(made, identity);
  });

  it("tells at once when QEMU dies while the machine runs", async () => {
    const made = await machineOf("monitor(well);");
    const { machine } = made;
    await machine.start(spec, never);
    process.kill(machine.pid, "SIGSEGV");
    expect(await machine.exited).to.deep.equal({ code: -1, signal: "SIGSEGV", expected: false });
    expect(codeOf(await failureOf(machine.capability("pause")?.pause() ?? Promise.resolve()))).to.equal(
      "KATA_HYPERVISOR_STATE",
    );
    await machine.stop();
    nothingLeft(made);
  });

  it("is ended by force when QEMU does not heed", async () => {
    const made = await machineOf(
      'process.on("SIGTERM", () => undefined); monitor(({ execute }) => execute === "quit" ? undefined : { return: {} });',
    );
    const { machine } = made;
    await machine.start(spec, never);
    const stopping = machine.stop();
    await machine.destroy(new Error("no patience"));
    await stopping;
    expect(await machine.exited).to.deep.equal({ code: -1, signal: "SIGKILL", expected: true });
    nothingLeft(made);
  });

  it("plugs disks in and pulls them out, undoing what fails halfway", async () => {
    const made = await machineOf(`
      const log = (command) => require("node:fs").appendFileSync(process.argv[1] + ".log", JSON.stringify(command) + "\\n");
      let refuse = true;
      monitor((command) => {
        log(command.execute);
        if (command.execute === "device_add" && refuse) {
          refuse = false;
          return { error: { class: "GenericError", desc: "Bus full" } };
        }
        if (command.execute === "device_del")
          setImmediate(() => say(sockets[0], { event: "DEVICE_DELETED", data: { device: command.arguments.id } }));
        return well(command);
      });`);
    const { machine } = made;
    await machine.start(spec, never);
    const disk = { kind: "block", id: "d", path: "/dev/null", readOnly: true, driver: "virtio-blk-pci" } as const;
    const error = await failureOf(machine.addDevice(disk));
    expect(codeOf(error)).to.equal("KATA_HYPERVISOR_DEVICE");
    expect(messageOf(error)).to.include("Bus full");
    expect(await machine.addDevice(disk)).to.deep.equal({ id: "d", guestLocator: "1e/02" });
    await machine.removeDevice("d");
    expect(codeOf(await failureOf(machine.removeDevice("d")))).to.equal("KATA_HYPERVISOR_DEVICE_UNKNOWN");
    await machine.stop();
    nothingLeft(made);
  });

  it("takes a card that another program serves only when its memory was shared from the start", async () => {
    const answer = `monitor((command) => {
      if (command.execute === "query-chardev") return { return: [] };
      if (command.execute === "device_del")
        setImmediate(() => say(sockets[0], { event: "DEVICE_DELETED", data: { device: command.arguments.id } }));
      return well(command);
    });`;
    const card = {
      kind: "vhost-user-net",
      id: "eth0",
      hardwareAddress: "02:00:00:00:00:01",
      socket: "/s",
      queuePairs: 1,
      queueSize: 256,
    } as const;
    const alone = await machineOf(answer);
    await alone.machine.start(spec, never);
    const refused = await failureOf(alone.machine.addDevice(card));
    expect(codeOf(refused)).to.equal("KATA_HYPERVISOR_DEVICE");
    expect(messageOf(refused)).to.include("not shared when it started");
    const made = await machineOf(answer);
    await made.machine.addDevice({ ...card, id: "first" });
    await made.machine.start(spec, never);
    expect(await made.machine.addDevice(card)).to.deep.equal({ id: "eth0", guestLocator: "1e/02" });
    await made.machine.removeDevice("eth0");
    expect(await made.machine.addDevice(card)).to.deep.equal({ id: "eth0", guestLocator: "1e/03" });
    for (const { machine } of [alone, made]) await machine.stop();
    nothingLeft(made);
  });

  it("leaves nothing when there is no program, no guest, or no room for its sockets", async () => {
    const none = await makeMachine({ path: "/nonexistent/qemu", kernel: "/dev/null", initrd: "/dev/null" });
    expect(codeOf(await failureOf(none.machine.start(spec, never)))).to.equal("KATA_QEMU_MISSING");
    nothingLeft(none);
    const guest = await makeMachine({ path: "/bin/true" });
    expect(codeOf(await failureOf(guest.machine.start(spec, never)))).to.equal("KATA_HYPERVISOR_NO_GUEST");
    nothingLeft(guest);
    const made = await machineOf("monitor(well);");
    writeFileSync(join(made.runDirectory, "console.sock"), "in the way");
    expect(messageOf(await failureOf(made.machine.start(spec, never)))).to.include("EADDRINUSE");
    expect(existsSync(join(made.runDirectory, "qmp.sock"))).to.equal(false);
  });
});

/** Messages of an error's causes. */
function causes(error: unknown): string[] {
  return error instanceof Error ? [error.message, ...causes(error.cause)] : [];
}
