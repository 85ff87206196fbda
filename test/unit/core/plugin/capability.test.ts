import { expect } from "chai";
import { codeOf } from "../../../../src/core/errors/error.js";
import { requireCapability } from "../../../../src/core/plugin/capability.js";
import { FakeAgent } from "../../../../src/testing/fake-agent.js";
import { FakeHypervisor } from "../../../../src/testing/fake-hypervisor.js";

describe("requireCapability", () => {
  it("gives what is there", () => {
    const hypervisor = new FakeHypervisor();
    hypervisor.outliveProcesses({ pid: 7 });
    expect(requireCapability(hypervisor, "adopt", "recovery").state()).to.deep.equal({ pid: 7 });
  });

  it("names who lacks it, and what it is for", () => {
    const asked = () => requireCapability(new FakeHypervisor(), "pause", "pausing a pod");
    expect(asked).to.throw('pausing a pod needs the capability "pause", which fake does not have');
    expect(asked)
      .to.throw()
      .that.satisfies((error: unknown) => codeOf(error) === "KATA_CAPABILITY");
    expect(() => requireCapability(new FakeAgent(), "policy", "a policy")).to.throw(/needs the capability "policy"/);
  });
});
