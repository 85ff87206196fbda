import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { codeOf } from "../../../../../src/core/errors/error.js";
import { readBundleConfig } from "../../../../../src/plugins/services/task/bundle.js";

describe("the config.json of a bundle", () => {
  let bundle: string;
  let config: string;

  beforeEach(() => {
    bundle = mkdtempSync(join(tmpdir(), "kata-ts-bundle-"));
    config = join(bundle, "config.json");
  });
  afterEach(() => rmSync(bundle, { recursive: true }));

  function refusal(): unknown {
    try {
      readBundleConfig(bundle);
    } catch (error) {
      return codeOf(error);
    }
    throw new Error("it was read");
  }

  it("is read, also behind a link", () => {
    writeFileSync(join(bundle, "elsewhere"), '{"ociVersion": "1.2.0", "hooks": null}');
    symlinkSync("elsewhere", config);
    expect(readBundleConfig(bundle)).to.deep.equal({ ociVersion: "1.2.0" });
  });

  it("is refused when it is none: missing, huge, a fifo that nobody writes, a device without an end", () => {
    expect(refusal()).to.equal("KATA_BUNDLE_CONFIG_MISSING");
    writeFileSync(config, "{}");
    truncateSync(config, 2 ** 40);
    expect(refusal()).to.equal("KATA_BUNDLE_CONFIG_TOO_LARGE");
    rmSync(config);
    execFileSync("mkfifo", [config]);
    expect(refusal()).to.equal("KATA_BUNDLE_CONFIG_UNREADABLE");
    rmSync(config);
    symlinkSync("/dev/zero", config);
    expect(refusal()).to.equal("KATA_BUNDLE_CONFIG_UNREADABLE");
    rmSync(config);
    symlinkSync("config.json", config);
    expect(refusal()).to.equal("KATA_BUNDLE_CONFIG_UNREADABLE");
  });
});
