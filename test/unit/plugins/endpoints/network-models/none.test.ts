import { expect } from "chai";
import { Registry } from "../../../../../src/core/plugin/registry.js";
import { plugin } from "../../../../../src/plugins/endpoints/network-models/none/index.js";
import { NoNetwork } from "../../../../../src/plugins/endpoints/network-models/none/no-network.js";

describe("the network model none", () => {
  it("is a plugin that says it attaches nothing", () => {
    const registry = new Registry();
    registry.register(plugin, "built-in");
    expect(registry.find("network-model", "none", "test").id).to.deep.equal({ kind: "network-model", name: "none" });
    expect(new NoNetwork().attaches).to.equal(false);
  });

  it("can be told to part what was never joined", async () => {
    await new NoNetwork().part();
  });
});
