import { expect } from "chai";
import { codeOf } from "../../../../src/core/errors/error.js";
import { silentLogger } from "../../../../src/core/log.js";
import { upcallErrors } from "../../../../src/core/upcall/errors.js";
import { Processors } from "../../../../src/vmm/hotplug/processors.js";

const refusal = upcallErrors.KATA_UPCALL_REFUSED({ what: "do it", reason: "EIO" });
const silence = upcallErrors.KATA_UPCALL_SILENT({ what: "do it", ms: 1, why: "no" });

function scene(count = 1) {
  const log: string[] = [];
  const fail: Record<string, unknown> = {};
  const does = async (what: string): Promise<void> => {
    log.push(what);
    await new Promise((resolve) => setImmediate(resolve));
    if (fail[what] !== undefined) throw fail[what];
  };
  const processors = new Processors({
    vcpus: { start: (id) => does(`start ${id}`), park: (id) => does(`park ${id}`) },
    guest: {
      addProcessors: (ids) => does(`online ${ids.join()}`),
      removeProcessors: (ids) => does(`offline ${ids.join()}`),
    },
    count,
    most: 4,
    log: silentLogger,
  });
  return { processors, log, fail };
}

describe("the processors of a machine that runs", () => {
  it("run before the guest takes them, and are parked when it has let go", async () => {
    const { processors, log } = scene();
    expect(await processors.resize(3)).to.equal(3);
    expect(await processors.resize(1)).to.equal(1);
    expect(log).to.deep.equal([
      "start 1",
      "online 1",
      "start 2",
      "online 2",
      "offline 2",
      "park 2",
      "offline 1",
      "park 1",
    ]);
  });

  it("are resized one after the other", async () => {
    const { processors, log } = scene();
    expect(await Promise.all([processors.resize(2), processors.resize(1), processors.resize(2)])).to.deep.equal([
      2, 1, 2,
    ]);
    expect(log).to.deep.equal(["start 1", "online 1", "offline 1", "park 1", "start 1", "online 1"]);
  });

  it("are never none, nor more than there may be", async () => {
    const { processors, log } = scene();
    for (const count of [0, -1, 1.5, 5])
      expect(await processors.resize(count).catch(codeOf)).to.equal("KATA_VMM_VCPUS");
    expect(log).to.deep.equal([]);
  });

  it("are as many as the guest takes, and lets go of", async () => {
    const { processors, log, fail } = scene();
    fail["online 2"] = refusal;
    expect(await processors.resize(4)).to.equal(2);
    expect(log.at(-1)).to.equal("park 2");
    fail["offline 1"] = refusal;
    expect(await processors.resize(1)).to.equal(2);
    expect(log.at(-1)).to.equal("offline 1");
  });

  it("run on when the guest does not say whether it has them", async () => {
    const { processors, log, fail } = scene();
    fail["online 1"] = silence;
    expect(await processors.resize(2).catch(codeOf)).to.equal("KATA_UPCALL_SILENT");
    expect(log).to.deep.equal(["start 1", "online 1"]);
    fail["online 1"] = undefined;
    expect(await processors.resize(2)).to.equal(2);
    fail["offline 1"] = silence;
    expect(await processors.resize(1).catch(codeOf)).to.equal("KATA_UPCALL_SILENT");
    expect(log.at(-1)).to.equal("offline 1");
  });
});
