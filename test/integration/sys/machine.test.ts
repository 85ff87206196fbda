import { spawnSync } from "node:child_process";
import { expect } from "chai";
import { needsRoot } from "./fixture.js";

/** Runs a script as a module in UTS and other namespaces of its own, where a machine's name can be changed. */
function inOwnNamespaces(script: string): string {
  const module = new URL("../../../src/core/sys/linux/index.js", import.meta.url).href;
  const source = `import { createLinuxSys } from ${JSON.stringify(module)}; const sys = createLinuxSys(); ${script}`;
  const args = ["--uts", "--", process.execPath, "--input-type=module", "-e", source];
  const child = spawnSync("unshare", args, { encoding: "utf8" });
  if (child.status !== 0) expect.fail(child.stderr);
  return child.stdout;
}

describe("the machine", () => {
  before(function () {
    needsRoot(this);
  });

  it("takes a name", () => {
    const script =
      'sys.machine.setHostname("guest-7"); sys.machine.setDomainName("d"); console.log(sys.machine.hostname())';
    expect(inOwnNamespaces(script)).to.equal("guest-7\n");
  });

  it("takes bytes into its random numbers", () => {
    expect(inOwnNamespaces("sys.machine.reseed(Buffer.alloc(64, 5)); console.log('done')")).to.equal("done\n");
  });

  it("writes out what it holds back", () => {
    expect(inOwnNamespaces("await sys.machine.sync(); console.log('done')")).to.equal("done\n");
  });

  it("takes the time, here the time it is", () => {
    const script = `
      const now = Date.now();
      sys.machine.setTime({ seconds: Math.floor(now / 1000), nanoseconds: (now % 1000) * 1e6 });
      console.log(Math.abs(Date.now() - now) < 60000);`;
    expect(inOwnNamespaces(script)).to.equal("true\n");
  });
});
