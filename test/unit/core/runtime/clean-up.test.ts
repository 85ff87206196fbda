import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { cleanUpSandbox } from "../../../../src/core/runtime/clean-up.js";
import { SandboxRecord } from "../../../../src/core/sandbox/record.js";

describe("cleanUpSandbox", () => {
  let run: string;
  beforeEach(() => {
    run = mkdtempSync(join(tmpdir(), "kata-ts-clean-up-"));
  });
  afterEach(() => rmSync(run, { recursive: true }));

  const cleanUp = (namespace: string, sandboxId: string): Promise<unknown> =>
    cleanUpSandbox({ namespace, sandboxId, roots: { run } }).catch((error: unknown) => error);

  it("undoes what a record names, and the sandbox's own directory", async () => {
    const directory = join(run, "default", "a");
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const noted = join(run, "elsewhere");
    const record = SandboxRecord.create(directory, { namespace: "default", id: "a" });
    record.file(noted);
    writeFileSync(noted, "");
    expect(await cleanUp("default", "a")).to.equal(undefined);
    expect([noted, directory, join(run, "default")].filter((path) => existsSync(path))).to.deep.equal([]);
    expect(await cleanUp("default", "a"), "once more").to.equal(undefined);
  });

  it("takes no names that lead elsewhere", async () => {
    for (const [namespace, id] of [
      ["default", "../up"],
      ["..", "a"],
      ["default", ""],
      ["", "a"],
    ] as const) {
      expect(await cleanUp(namespace, id)).to.have.property("code", "KATA_SANDBOX_ID");
    }
  });

  it("leaves what it cannot believe, and says so", async () => {
    const directory = join(run, "default", "a");
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(join(directory, "record.json"), "{", { mode: 0o600 });
    expect(await cleanUp("default", "a")).to.be.instanceOf(AggregateError);
    expect(existsSync(directory)).to.equal(true);
  });
});
