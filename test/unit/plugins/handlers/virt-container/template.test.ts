import { join } from "node:path";
import { expect } from "chai";
import { destroyTemplate, initTemplate, templateStatus } from "../../../../../src/core/messages/factory.js";
import type { FakeHypervisor } from "../../../../../src/testing/fake-hypervisor.js";
import { Bench, failure } from "./bench.js";

const pathOf = (directory: string): string => join(directory, "vm/template");
const enabled = (directory: string, on = true): string => `
[hypervisor.fake.factory]
enable_template = ${on}
template_path = ${JSON.stringify(pathOf(directory))}
`;

describe("the template of machines", () => {
  let bench: Bench;
  let reason: string | undefined;
  let refusal: string | undefined;
  let given: (string | number)[];

  /** Hypervisors that can save, agents that take time and random numbers. */
  const able = (made: Bench): Bench => {
    made.prepareHypervisor = (hypervisor: FakeHypervisor) => {
      const note = (call: string) => async () => void hypervisor.calls.push(call);
      hypervisor.capabilities.pause = { pause: note("pause"), resume: note("resume") };
      hypervisor.capabilities.snapshot = {
        refusal: () => refusal,
        save: note("save"),
        misfit: async () => reason,
      };
    };
    made.prepareAgent = (agent) => {
      agent.capabilities.clock = {
        setTime: async (time) => {
          agent.calls.push("setTime");
          given.push(time.getTime());
        },
        reseed: async (entropy) => {
          agent.calls.push("reseed");
          given.push(Buffer.from(entropy).toString("hex"));
        },
      };
    };
    return made;
  };

  beforeEach(async () => {
    reason = undefined;
    refusal = undefined;
    given = [];
    bench = able(await Bench.open(enabled));
  });
  afterEach(() => bench.close());

  const init = () => bench.runtime.request(initTemplate({}));
  const status = () => bench.runtime.request(templateStatus({}));
  const destroy = () => bench.runtime.request(destroyTemplate({}));

  it("is made of a machine that nobody uses, shown, and removed", async () => {
    const path = pathOf(bench.directory);
    expect(await status()).to.deep.equal({
      path,
      state: "none",
      reason: `nothing is mounted at ${path}; run "kata-ts factory init"`,
    });
    expect(await init()).to.deep.equal({ path, state: "fits" });
    expect(bench.hypervisor.calls).to.deep.equal(["start", "pause", "save", "destroy"]);
    expect(bench.agent.calls).to.deep.equal(["connect", "close", "destroy"]);
    expect(bench.hypervisor.spec?.from).to.equal(undefined);
    expect(await status()).to.deep.equal({ path, state: "fits" });
    reason = "it is another";
    expect(await status()).to.deep.equal({ path, state: "does not fit", reason });
    expect((await failure(init())).message).to.include(path);
    expect(await destroy()).to.deep.equal({ path, removed: true });
    expect(await destroy()).to.deep.equal({ path, removed: false });
    expect(await bench.left()).to.deep.equal([]);
  });

  it("is what a sandbox's machine goes on from, with time and random numbers of its own before anything else", async () => {
    await init();
    await bench.run("a");
    expect(bench.hypervisor.spec?.from).to.equal(pathOf(bench.directory));
    expect(bench.agent.calls.slice(0, 4)).to.deep.equal(["connect", "reseed", "setTime", "createSandbox"]);
    await bench.run("b");
    const [first, , second] = given;
    expect(first).to.match(/^[0-9a-f]{128}$/);
    expect(first).to.not.equal(second);
    await destroy();
  });

  it("is done without when there is none that fits", async () => {
    await bench.run("a");
    expect(bench.hypervisor.spec?.from).to.equal(undefined);
    await init();
    reason = "its kernel is another";
    await bench.run("b");
    expect(bench.hypervisor.spec?.from).to.equal(undefined);
    expect(given).to.deep.equal([]);
    await destroy();
  });

  it("is not even begun with a configuration that it cannot be had with, and machines boot", async () => {
    const path = pathOf(bench.directory);
    refusal = "one_of_its_keys is true; set it to false";
    const error = await failure(init());
    expect(error).to.have.property("code", "KATA_TEMPLATE_REFUSED");
    expect(error.message).to.include(refusal);
    expect(bench.hypervisor.calls).to.deep.equal(["destroy"]);
    expect(await status()).to.deep.equal({ path, state: "none", reason: refusal });
    refusal = undefined;
    await init();
    refusal = "one_of_its_keys is true; set it to false";
    expect(await status()).to.deep.equal({ path, state: "does not fit", reason: refusal });
    await bench.run("a");
    expect(bench.hypervisor.spec?.from).to.equal(undefined);
    await destroy();
  });

  it("leaves nothing when it cannot be made", async () => {
    bench.prepareAgent = () => undefined;
    expect(await failure(init())).to.have.property("code", "KATA_TEMPLATE_AGENT");
    expect(bench.hypervisor.calls.at(-1)).to.equal("destroy");
    expect((await status()).state).to.equal("none");
    bench.prepareHypervisor = () => undefined;
    expect(await failure(init())).to.have.property("code", "KATA_TEMPLATE_UNSUPPORTED");
    expect(await bench.left()).to.deep.equal([]);
  });

  it("is neither made nor looked for unless it is wanted", async () => {
    const off = able(await Bench.open((directory) => enabled(directory, false)));
    try {
      const error = await failure(off.runtime.request(initTemplate({})));
      expect(error).to.have.property("code", "KATA_TEMPLATE_OFF");
      expect(error.message).to.include("enable_template is false").and.include("configuration.toml");
      await off.run("a");
      expect(off.hypervisor.spec?.from).to.equal(undefined);
    } finally {
      await off.close();
    }
  });
});
