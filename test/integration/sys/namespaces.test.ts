import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { thrown } from "../../unit/core/sys/fixture.js";
import { needsRoot } from "./fixture.js";

describe("network namespaces", () => {
  const { namespaces, mounts, processes } = createLinuxSys();
  let directory: string;
  let path: string;
  let own: string;

  before(function () {
    needsRoot(this);
  });

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kata-ts-netns-"));
    path = join(directory, "ns");
    own = namespaces.identity("network");
    namespaces.createNetworkNamespace(path);
  });

  afterEach(() => {
    namespaces.removeNetworkNamespace(path);
    namespaces.removeNetworkNamespace(path);
    expect(namespaces.identity("network")).to.equal(own);
    expect(readdirSync(directory)).to.deep.equal([]);
    rmSync(directory, { recursive: true });
  });

  it("are entered for one stretch", () => {
    const inside = namespaces.inNetworkNamespace(path, () => namespaces.identity("network"));
    expect(inside)
      .to.match(/^net:\[\d+\]$/)
      .and.not.to.equal(own);
    const links = namespaces.inNetworkNamespace(path, () => execFileSync("ip", ["-o", "link"], { encoding: "utf8" }));
    expect(links)
      .to.match(/^1: lo: /)
      .and.to.have.string("state DOWN");
    expect(links.trim().split("\n")).to.have.length(1);
  });

  it("keep a child that was started inside", async () => {
    const child = namespaces.inNetworkNamespace(path, () => spawn("sleep", ["60"], { stdio: "ignore" }));
    const inside = readlinkSync(`/proc/${child.pid}/ns/net`);
    expect(inside).to.equal(namespaces.inNetworkNamespace(path, () => namespaces.identity("network")));
    expect(namespaces.identity("network", child.pid)).to.equal(inside);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(processes.identity(child.pid ?? 0)).to.equal(undefined);
  });

  it("are left after an error, and after a promise, which is refused", () => {
    const failing = (): never => {
      throw new Error("inside");
    };
    expect(() => namespaces.inNetworkNamespace(path, failing)).to.throw("inside");
    expect(namespaces.identity("network")).to.equal(own);
    const refused = thrown(() => namespaces.inNetworkNamespace(path, async () => 1));
    expect(refused).to.equal("KATA_SYS_NAMESPACE_ASYNC");
    expect(namespaces.identity("network")).to.equal(own);
  });

  it("nest", () => {
    const inner = join(directory, "inner");
    namespaces.inNetworkNamespace(path, () => {
      const outer = namespaces.identity("network");
      namespaces.createNetworkNamespace(inner);
      expect(namespaces.inNetworkNamespace(inner, () => namespaces.identity("network"))).not.to.equal(outer);
      expect(namespaces.identity("network")).to.equal(outer);
    });
    namespaces.removeNetworkNamespace(inner);
  });

  it("are not entered through what is none", () => {
    const file = join(directory, "file");
    writeFileSync(file, "");
    let ran = false;
    const action = (): void => {
      ran = true;
    };
    expect(thrown(() => namespaces.inNetworkNamespace(file, action))).to.equal("EINVAL");
    expect(thrown(() => namespaces.inNetworkNamespace(join(directory, "none"), action))).to.equal("ENOENT");
    expect(thrown(() => namespaces.inNetworkNamespace("/proc/self/ns/uts", action))).to.equal("EINVAL");
    expect(ran).to.equal(false);
    rmSync(file);
  });

  it("are not made over what is there", () => {
    expect(thrown(() => namespaces.createNetworkNamespace(path))).to.equal("EEXIST");
    expect(mounts.isMountPoint(path) && existsSync(path)).to.equal(true);
  });
});
