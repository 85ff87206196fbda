import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { expect } from "chai";
import { trustedExecutable } from "../../../../src/core/io/trusted-executable.js";
import { workspace } from "./fixture.js";

describe("trustedExecutable", () => {
  let work: ReturnType<typeof workspace>;
  let program: string;

  beforeEach(() => {
    work = workspace();
    mkdirSync(work.path("bin"), { mode: 0o755 });
    program = work.path("bin/logger");
    writeFileSync(program, "#!/bin/sh\n");
    chmodSync(program, 0o755);
  });

  afterEach(() => work.remove());

  it("gives the real path of a program that only its owner can change", () => {
    expect(trustedExecutable(program)).to.equal(program);
    const link = work.path("link");
    symlinkSync(program, link);
    expect(trustedExecutable(link)).to.equal(program);
  });

  for (const mode of [0o775, 0o757, 0o722]) {
    it(`refuses a program with mode ${mode.toString(8)}`, () => {
      chmodSync(program, mode);
      expect(() => trustedExecutable(program))
        .to.throw(/can be written/)
        .with.property("code", "KATA_IO_LOGGER_UNTRUSTED");
    });
  }

  it("refuses a program in a directory that others can write", () => {
    chmodSync(work.path("bin"), 0o777);
    expect(() => trustedExecutable(program))
      .to.throw(/bin can be written/)
      .with.property("code", "KATA_IO_LOGGER_UNTRUSTED");
  });

  it("refuses what is not executable, a directory, and nothing", () => {
    chmodSync(program, 0o644);
    expect(() => trustedExecutable(program)).to.throw(/not an executable/);
    expect(() => trustedExecutable(work.path("bin"))).to.throw(/not an executable/);
    expect(() => trustedExecutable(work.path("none")))
      .to.throw(/ENOENT/)
      .with.property("code", "KATA_IO_LOGGER_UNTRUSTED");
  });
});
