import { expect } from "chai";
import { containerIdentity } from "../../../../src/core/sandbox/identity.js";

const cri = (type: string, sandbox?: string) => ({
  annotations: {
    "io.kubernetes.cri.container-type": type,
    ...(sandbox !== undefined && { "io.kubernetes.cri.sandbox-id": sandbox }),
  },
});

describe("containerIdentity", () => {
  it("takes a container without annotations as its own sandbox", () => {
    expect(containerIdentity("a", {})).to.deep.equal({ role: "single", sandboxId: "a" });
  });

  it("knows a pod's sandbox and its containers", () => {
    expect(containerIdentity("a", cri("sandbox", "other"))).to.deep.equal({ role: "sandbox", sandboxId: "a" });
    expect(containerIdentity("b", cri("container", "a"))).to.deep.equal({ role: "container", sandboxId: "a" });
  });

  it("refuses a container of a pod that is not named, and a type that is not known", () => {
    expect(() => containerIdentity("b", cri("container"))).to.throw(/none of its annotations names the pod's sandbox/);
    expect(() => containerIdentity("b", cri("boat"))).to.throw(
      /container-type is "boat"; it may be: sandbox, podsandbox/,
    );
  });
});
