import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errorAreas } from "../../../src/bin/kata-ts/explanations/index.js";
import { type TabledCode, tabledCodes } from "../../support/error-tables.js";
import { projectDirectory } from "../../support/project.js";
import { expectFresh } from "../../support/reference.js";
import { renderErrors } from "../../support/render-errors.js";

/** Every code there ever was, a line each. It only grows. */
const list = "etc/error-codes.txt";

/** Two tables have these, for the same thing told by two parts. */
const shared = new Set(["KATA_AGENT_LOST"]);

const explained = errorAreas.flatMap(({ codes }) => Object.entries(codes).map(([code, words]) => ({ code, ...words })));

describe("the errors", () => {
  let tabled: TabledCode[];
  let codes: string[];

  before(async function () {
    this.timeout(60_000);
    tabled = await tabledCodes();
    codes = [...new Set(tabled.map(({ code }) => code))];
  });

  it("have each code in one table", () => {
    const several = codes.filter((code) => tabled.filter((row) => row.code === code).length > 1);
    expect(several).to.have.members([...shared]);
  });

  it("have codes that are named alike", () => {
    expect(codes.filter((code) => !/^KATA(_[A-Z0-9]+)+$/.test(code))).to.deep.equal([]);
  });

  it("have messages that fill in their parts and end without a stop", () => {
    for (const { code, message } of tabled) {
      expect(message, code).to.not.match(/undefined|\[object|^\s*$|\.$/);
    }
  });

  it("are all explained: add each to its area in src/bin/kata-ts/explanations", () => {
    const there = new Set(explained.map(({ code }) => code));
    expect(codes.filter((code) => !there.has(code))).to.deep.equal([]);
  });

  it("are explained only when they exist, and once", () => {
    expect(explained.map(({ code }) => code).filter((code) => !codes.includes(code))).to.deep.equal([]);
    expect(new Set(explained.map(({ code }) => code)).size).to.equal(explained.length);
  });

  it("are explained in whole sentences, briefly", () => {
    for (const { code, cause, cure } of explained) {
      for (const text of [cause, cure]) expect(text, code).to.match(/^[\w`].{2,238}\.$/);
      expect(cure, code).to.not.equal(cause);
    }
  });

  it("keep their codes for ever", () => {
    const file = readFileSync(join(projectDirectory(), list), { encoding: "utf8", flag: "a+" });
    const before = file.split("\n").filter((line) => line !== "");
    const gone = before.filter((code) => !codes.includes(code));
    expect(gone, "codes are permanent: programs of others go by them").to.deep.equal([]);
    expectFresh(list, [...codes].sort().join("\n").concat("\n"));
  });

  it("are in docs/errors.md as they are", () => {
    expectFresh("docs/errors.md", renderErrors(tabled, errorAreas));
  });
});
