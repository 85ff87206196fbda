import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "chai";
import { createLogger } from "../../../../src/core/log.js";
import { type Culprit, runAs, traceCulprits } from "../../../../src/core/plugin/culprit.js";
import { LateErrors } from "../../../../src/core/runtime/late-errors.js";
import { Scope } from "../../../../src/core/scope.js";

describe("errors that nobody caught", () => {
  before(traceCulprits);

  const scene = () => {
    const lines: string[] = [];
    const late = new LateErrors(createLogger((line) => lines.push(line)));
    const told: string[] = [];
    const open = (id: string) => {
      const scope = Scope.root(id);
      void late.listen(id, scope).then((error) => told.push(`${id}: ${error.message}`));
      return scope;
    };
    return { lines, late, told, open };
  };
  const of = (sandbox?: string): Culprit => ({
    id: "agent/acme",
    origin: "package x",
    ...(sandbox !== undefined && { sandbox }),
  });

  it("end the sandbox of their plugin, and no other", async () => {
    const { late, told, open, lines } = scene();
    open("a");
    open("b");
    expect(runAs(of("b"), () => late.contain(new Error("no luck")))).to.equal(true);
    await Promise.resolve();
    expect(told).to.deep.equal([
      'b: plugin agent/acme from package x threw an error that nobody caught; the sandbox "b", which it belongs to, ends with it',
    ]);
    expect(lines[0]).to.include("plugin=agent/acme").and.to.include("no luck");
  });

  it("are logged once for each instance, and contained after its sandbox's end", () => {
    const { late, lines } = scene();
    const culprit = of("gone");
    for (const _ of [1, 2]) expect(runAs(culprit, () => late.contain(new Error("again")))).to.equal(true);
    expect(lines).to.have.length(1);
  });

  it("are the process's when no plugin of a sandbox is to blame, whose name is logged all the same", () => {
    const { late, lines } = scene();
    expect(late.contain(new Error("no luck"))).to.equal(false);
    expect(lines).to.have.length(0);
    expect(runAs(of(), () => late.contain(new Error("no luck")))).to.equal(false);
    expect(lines[0]).to.include("plugin=agent/acme");
  });

  it("are told apart in a real process: of a timer, a promise and a callback, and of nobody", async () => {
    const program = fileURLToPath(new URL("../../../fixtures/plugin/late-errors.js", import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 20_000 });
    expect(stdout.trim().split("\n").toSorted()).to.deep.equal([
      "fatal: an error was not caught: of nobody",
      "sandbox: hypervisor/acme: of a callback",
      "sandbox: hypervisor/acme: of a promise",
      "sandbox: hypervisor/acme: of a timer",
    ]);
  });
});
