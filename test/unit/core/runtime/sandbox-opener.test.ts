import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { loadConfig } from "../../../../src/core/config/load.js";
import { describeError } from "../../../../src/core/errors/error.js";
import { silentLogger } from "../../../../src/core/log.js";
import { PluginHost } from "../../../../src/core/plugin/host.js";
import { defaultRoots } from "../../../../src/core/runtime/roots.js";
import { type OpenerParts, openSandbox } from "../../../../src/core/runtime/sandbox-opener.js";
import { Runtime } from "../../../../src/core/runtime/runtime.js";
import { Scope } from "../../../../src/core/scope.js";
import { makeDeepDirectory } from "../../../support/deep-directory.js";
import { fakeSys } from "../../../../src/testing/fake-sys.js";

describe("opening a sandbox", () => {
  let directory: string;
  let scope: Scope;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "opener-"));
    scope = Scope.root("test");
  });
  afterEach(async () => {
    await scope.close();
    rmSync(directory, { recursive: true });
  });

  const open = (run: string, id = "pod") => {
    const runtime = new Runtime({ plugins: [], sys: fakeSys() });
    const host = (): PluginHost => runtime.plugins;
    const load = () => loadConfig({ builtIn: true, checkFiles: false });
    const parts: OpenerParts = {
      broken: () => new Promise(() => undefined),
      scope,
      sys: fakeSys(),
      roots: { ...defaultRoots, run },
      namespace: "ns",
      log: silentLogger,
      host,
      loadConfig: load,
    };
    return openSandbox(parts, { id, annotations: {} });
  };

  it("makes the sandbox's directory with its record, and removes both with its scope", async () => {
    const { info } = await open(join(directory, "run"));
    expect(readdirSync(info.runDirectory)).to.deep.equal(["record.json"]);
    await scope.close();
    expect(readdirSync(join(directory, "run"))).to.deep.equal([]);
  });

  it("refuses a sandbox that is there, and leaves it alone", async () => {
    const { info } = await open(join(directory, "run"));
    const error = await open(join(directory, "run")).catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: "KATA_SANDBOX_EXISTS", status: "ALREADY_EXISTS" });
    expect(describeError(error)).to.include(info.runDirectory);
    expect(existsSync(join(info.runDirectory, "record.json"))).to.equal(true);
  });

  for (const [what, more, code] of [
    ["its record cannot be written", "/ns/pod".length, "KATA_RECORD_WRITE"],
    ["its directory cannot be made", "/ns".length, "KATA_SANDBOX_DIRECTORY"],
  ] as const) {
    it(`leaves nothing when ${what}`, async () => {
      const run = makeDeepDirectory(directory, more);
      const error = await open(run).catch((thrown: unknown) => thrown);
      expect(error).to.include({ code, status: "RESOURCE_EXHAUSTED" });
      expect(describeError(error)).to.include(`${run}/ns/pod`).and.include("ENAMETOOLONG");
      expect(readdirSync(run)).to.deep.equal([]);
    });
  }
});
