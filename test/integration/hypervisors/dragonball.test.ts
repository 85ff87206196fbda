import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { withDeadline } from "../../../src/core/deadline.js";
import { codeOf, describeError } from "../../../src/core/errors/error.js";
import { failureOf, never } from "../../unit/plugins/hypervisors/qemu/machine.js";
import { needsKvmDevice } from "../../support/needs-kvm.js";
import { type DragonballMachine, endMachines, makeTinyMachine } from "../../support/dragonball-machine.js";
import { code } from "../../support/tiny-guest.js";

const small = { vcpus: 2, memoryMiB: 16, kernelParameters: [] } as const;

/** The plugin with guests of a few instructions, which any KVM runs. */
describe("a machine of the hypervisor dragonball", () => {
  const made: DragonballMachine[] = [];
  let files: number;

  const make = async (...args: Parameters<typeof makeTinyMachine>): Promise<DragonballMachine> => {
    const one = await makeTinyMachine(...args);
    made.push(one);
    return one;
  };

  const end = ({ machine }: DragonballMachine) =>
    withDeadline(
      { ms: 20_000, what: "the machine to end", context: () => machine.consoleTail().join() },
      () => machine.exited,
    );

  before(function () {
    needsKvmDevice(this);
  });
  beforeEach(() => (files = readdirSync("/proc/self/fd").length));
  afterEach("nothing is left", async () => {
    await endMachines(made.splice(0));
    expect(readdirSync("/proc/self/fd").length, "open files").to.be.at.most(files);
    expect(
      readdirSync("/proc/self/task")
        .map(nameOf)
        .filter((name) => name.startsWith("kata-")),
    ).to.deep.equal([]);
  });

  for (const [how, program, exit] of [
    ["turned off", code.powerOff(), { code: 0, why: "its guest powered it off", expected: false }],
    ["reset", code.reset(), { code: 0, why: "its guest reset it", expected: false }],
  ] as const) {
    it(`tells at once that its guest has ${how} the machine`, async () => {
      const one = await make([code.say("goodbye\n"), program, code.halt()]);
      await one.machine.start(small, never);
      expect(await end(one)).to.deep.equal(exit);
      expect(one.machine.consoleTail()).to.deep.equal(["goodbye"]);
    });
  }

  it("tells that its guest's processor could not go on", async () => {
    const one = await make([code.crash()]);
    await one.machine.start(small, never);
    const { why, expected } = await end(one);
    expect(expected).to.equal(false);
    // Some KVMs give up on such a guest by an error of theirs.
    expect(why).to.match(/^a processor of its guest stopped at a triple fault$|^vCPU 0: KVM_RUN ended with /);
  });

  it("is stopped as wanted", async () => {
    const one = await make([code.say("on\n"), code.spin()]);
    await one.machine.start(small, never);
    expect(existsSync(join(one.runDirectory, "kata.hvsock"))).to.equal(true);
    await one.machine.stop();
    expect(await one.machine.exited).to.deep.equal({ code: 0, expected: true });
  });

  it("says what could not be made of it, and leaves nothing", async () => {
    const one = await make([code.halt()]);
    await one.machine.addDevice({
      kind: "fs",
      id: "fs",
      tag: "kata",
      socket: "/no/daemon",
      queueSize: 64,
      cacheSizeMiB: 0,
    });
    const error = await failureOf(one.machine.start(small, never));
    expect(codeOf(error)).to.equal("KATA_DRAGONBALL_START");
    expect(describeError(error)).to.include("/no/daemon");
  });

  describe("with a daemon that never answers", () => {
    let server: Server;
    let connected: Promise<Socket>;
    let socket: string;

    beforeEach(async () => {
      const { root } = await make([]);
      socket = join(root, "daemon.sock");
      server = createServer().listen(socket);
      connected = new Promise((resolve) => server.once("connection", resolve));
      await new Promise((resolve) => server.once("listening", resolve));
      files = readdirSync("/proc/self/fd").length;
    });
    afterEach(async () => {
      (await connected).destroy();
      server.close();
    });

    it("is not started once that is not wanted any more, says so, and leaves nothing", async () => {
      const one = await make([code.say("on\n"), code.halt()]);
      await one.machine.addDevice({ kind: "fs", id: "fs", tag: "kata", socket, queueSize: 64, cacheSizeMiB: 0 });
      const [abort, why] = [new AbortController(), new Error("not wanted any more")];
      const started = failureOf(one.machine.start(small, abort.signal));
      await connected;
      abort.abort(why);
      expect(await started).to.equal(why);
      expect(one.machine.consoleTail()).to.deep.equal([]);
      expect(await one.machine.exited).to.deep.equal({ code: 0, expected: true });
    });
  });
});

/** Name of a thread; empty when it has gone. */
function nameOf(task: string): string {
  try {
    return readFileSync(`/proc/self/task/${task}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}
