import { expect } from "chai";
import { createLogger } from "../../../../src/core/log.js";
import { SparingLog } from "../../../../src/vmm/virtio/sparing-log.js";

describe("a sparing log", () => {
  it("writes the first lines, and then how many there were", () => {
    const lines: string[] = [];
    const log = new SparingLog(createLogger((line) => lines.push(line)));
    for (let i = 1; i <= 1000; i++) log.warn("broken", { disk: "a" });
    expect(lines).to.have.length(8 + 6);
    expect(lines.every((line) => line.includes('level=warning msg="broken" disk=a'))).to.equal(true);
    expect(lines.filter((line) => line.includes("times=")).map((line) => line.replace(/.*times=/, ""))).to.deep.equal([
      "16",
      "32",
      "64",
      "128",
      "256",
      "512",
    ]);
  });
});
