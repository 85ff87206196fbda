import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { codeOf } from "../../../../../src/core/errors/error.js";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { makeTinyMachine } from "../../../../support/dragonball-machine.js";
import { removePlaces } from "../../../../support/machine-place.js";
import { code } from "../../../../support/tiny-guest.js";
import { failureOf, never } from "../qemu/machine.js";

const small = { vcpus: 1, memoryMiB: 16, kernelParameters: [] } as const;
const card = { kind: "net", id: "eth0", hardwareAddress: "02:00:00:00:00:01", queueSize: 256, vhost: false } as const;

describe("the start of a machine in this process", () => {
  const sys = createLinuxSys();
  after(removePlaces);

  const openFiles = (): number => readdirSync("/proc/self/fd").length;

  it("without KVM is refused, and says what can be done", async () => {
    const probe = async () => ({ usable: false, reason: "there is no such thing" });
    const { machine } = await makeTinyMachine([code.halt()], { probe });
    const error = await failureOf(machine.start(small, never));
    expect(codeOf(error)).to.equal("KATA_DRAGONBALL_NO_KVM");
    expect(String(error)).to.include("there is no such thing").and.include('"qemu"');
    expect(await machine.exited).to.deep.equal({ code: 0, expected: true });
  });

  it("that is not wanted any more makes no machine, and gives its descriptors back", async () => {
    const abort = new AbortController();
    const why = new Error("not wanted any more");
    const probe = async () => {
      abort.abort(why);
      return { usable: true, reason: "the test says so" };
    };
    const { machine, runDirectory } = await makeTinyMachine([code.halt()], { probe });
    const before = openFiles();
    const tap = sys.descriptors.eventfd();
    await machine.addDevice({ ...card, tapFds: [tap] });
    sys.descriptors.close(tap);
    expect(openFiles()).to.equal(before + 1);
    expect(await failureOf(machine.start(small, abort.signal))).to.equal(why);
    expect(openFiles()).to.equal(before);
    expect(existsSync(join(runDirectory, "kata.hvsock"))).to.equal(false);
    expect(codeOf(await failureOf(machine.start(small, never)))).to.equal("KATA_HYPERVISOR_STATE");
  });

  it("makes no machine that was ended meanwhile", async () => {
    const probe = async () => {
      await made.machine.destroy(new Error("the pod is gone"));
      return { usable: true, reason: "the test says so" };
    };
    const made = await makeTinyMachine([code.halt()], { probe });
    expect(codeOf(await failureOf(made.machine.start(small, never)))).to.equal("KATA_HYPERVISOR_STATE");
    expect(existsSync(join(made.runDirectory, "kata.hvsock"))).to.equal(false);
    expect(await made.machine.exited).to.deep.equal({ code: 0, expected: true });
  });
});
