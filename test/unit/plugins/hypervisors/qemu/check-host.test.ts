import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { checkHost } from "../../../../../src/plugins/hypervisors/qemu/check-host.js";
import { checkContext } from "../../../../support/check-context.js";

describe("what QEMU finds on a host", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "qemu-check-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const check = async (path: string) => {
    const findings = await checkHost(await checkContext(directory, "hypervisor.qemu.path", path));
    return new Map(findings.map((finding) => [finding.name, finding]));
  };

  it("is named with what to do about it where it is missing", async () => {
    const found = await check("/nonexistent/qemu");
    expect(found.get("QEMU")).to.include({ state: "missing", remedy: "apt-get install qemu-system-x86" });
    expect(found.get("guest")).to.include({ state: "missing", remedy: "kata-ts guest build" });
    expect([...found.keys()]).to.deep.equal(["QEMU", "guest", "KVM", "vsock"]);
    for (const { state, remedy } of found.values()) expect(remedy === undefined).to.equal(state === "ok");
  });

  it("has a version", async () => {
    const program = join(directory, "qemu");
    writeFileSync(program, "#!/bin/sh\necho QEMU emulator version 9.9.1 '(Debian)'\n", { mode: 0o755 });
    expect((await check(program)).get("QEMU")?.detail).to.include("9.9.1");
    writeFileSync(program, "#!/bin/sh\necho hello\n");
    expect((await check(program)).get("QEMU")?.state).to.equal("missing");
  });
});
