import { expect } from "chai";
import { consoleText, handlerErrors } from "../../../../../src/plugins/handlers/virt-container/errors.js";
import { findPanic } from "../../../../../src/plugins/handlers/virt-container/guest-panic.js";

describe("the panic of a guest's kernel", () => {
  const end = "[    2.5] ---[ end Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b ]---";

  it("is told in the kernel's words, with or without its clock", () => {
    const line = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b";
    const reason = "Attempted to kill init! exitcode=0x0000000b";
    expect(findPanic(["boot", line, "CPU: 0", end])?.reason).to.equal(reason);
    expect(findPanic([`[    2.412] ${line}`, end])?.reason).to.equal(reason);
    expect(findPanic([end])).to.equal(undefined);
    expect(findPanic(["Kernel panic - not syncing"])?.reason).to.equal("it does not say why");
  });

  it("is not seen where there is none", () => {
    expect(findPanic([])).to.equal(undefined);
    expect(findPanic(["Kernel command line: panic=1", "panic: not a kernel's"])).to.equal(undefined);
  });

  it("is shown with what led to it, and not with all of the trace", () => {
    const lines = (count: number) => Array.from({ length: count }, (_, index) => `line ${index}`);
    const panic = findPanic([...lines(100), "Kernel panic - not syncing: VFS", ...lines(90)]);
    expect(panic?.console).to.have.length(99);
    expect(panic?.console.slice(0, 9)).to.deep.equal([...lines(100).slice(-8), "Kernel panic - not syncing: VFS"]);
    const { message } = handlerErrors.KATA_GUEST_PANIC({ sandbox: "s", ...(panic ?? expect.fail("no panic")) });
    expect(message.split("\n")).to.have.length(26);
    expect(message).to.match(/ {2}line 15$/);
    expect(consoleText(lines(300))).to.match(/its console ends:\n {2}line 275\n[^]* {2}line 299$/);
  });
});
