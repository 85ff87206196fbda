import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { checkSystemd } from "../../../../src/core/systemd/check-host.js";

describe("checkSystemd", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kata-ts-systemd-"));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it("says nothing where systemd does not run the host", () => {
    expect(checkSystemd(join(directory, "nowhere"))).to.deep.equal([]);
  });

  it("says what is missing to ask it, or what asks it", () => {
    expect(checkSystemd(directory, directory)[0]).to.include({ name: "systemd", state: "degraded" });
    const program = join(directory, "busctl");
    writeFileSync(program, "");
    chmodSync(program, 0o755);
    const [finding] = checkSystemd(directory, directory);
    expect(finding).to.deep.equal({
      name: "systemd",
      state: "ok",
      detail: `runs this host, and is asked by ${program}`,
    });
  });
});
