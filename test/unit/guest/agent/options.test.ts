import { expect } from "chai";
import * as fc from "fast-check";
import { parseAgentOptions } from "../../../../guest/agent/options.js";

describe("the agent's options on the kernel command line", () => {
  it("have defaults", () => {
    expect(parseAgentOptions("quiet console=ttyS0")).to.deep.equal({
      logLevel: "info",
      port: 1024,
      logPort: 1025,
      hotplugTime: 3000,
      ignored: [],
    });
  });

  it("are taken, the last of each", () => {
    const line =
      'agent.log=debug agent.log_vport=7 agent.server_addr="vsock://-1:99" agent.hotplug_timeout=5 agent.log=warn\n';
    const options = parseAgentOptions(line);
    expect(options).to.deep.equal({ logLevel: "warn", port: 99, logPort: 7, hotplugTime: 5000, ignored: [] });
  });

  it("are told when they mean nothing here, or cannot be used", () => {
    const words = [
      "agent.devmode",
      "agent.log=loud",
      "agent.log_vport=-1",
      "agent.server_addr=tcp://x",
      "agent.toString=1",
    ];
    const options = parseAgentOptions(words.join(" "));
    expect(options.ignored).to.deep.equal(words);
    expect(options).to.include({ logLevel: "info", port: 1024, logPort: 1025 });
  });

  it("never keep the guest from coming up", () => {
    fc.assert(
      fc.property(fc.array(fc.string().map((word) => `agent.${word}`)), (words) => {
        const options = parseAgentOptions(words.join(" "));
        expect(options.port).to.be.within(1, 0xfffffffe);
      }),
    );
  });
});
