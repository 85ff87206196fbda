import { expect } from "chai";
import { consoleText } from "../../../../../src/plugins/handlers/virt-container/errors.js";
import { panicReason } from "../../../../../src/plugins/handlers/virt-container/guest-panic.js";

describe("the panic of a guest's kernel", () => {
  const end = "[    2.5] ---[ end Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b ]---";

  it("is told in the kernel's words, with or without its clock", () => {
    const line = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b";
    const reason = "Attempted to kill init! exitcode=0x0000000b";
    expect(panicReason(["boot", line, "CPU: 0", end])).to.equal(reason);
    expect(panicReason([`[    2.412] ${line}`, end])).to.equal(reason);
    expect(panicReason([end])).to.equal(undefined);
    expect(panicReason(["Kernel panic - not syncing"])).to.equal("it does not say why");
  });

  it("is not seen where there is none", () => {
    expect(panicReason([])).to.equal(undefined);
    expect(panicReason(["Kernel command line: panic=1", "panic: not a kernel's"])).to.equal(undefined);
  });

  it("is shown with the end of the console, however much there is", () => {
    const lines = Array.from({ length: 300 }, (_, index) => `line ${index}`);
    const text = consoleText(lines);
    expect(text.split("\n")).to.have.length(26);
    expect(text).to.match(/ {2}line 299$/);
  });
});
