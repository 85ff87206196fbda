import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect } from "chai";
import { expectNoLeaks, type LeakScope, leaksSince, type Traces, traces } from "../../support/leaks.js";
import { skip } from "../../support/skip.js";
import { sys } from "./fixture.js";

describe("the leak checker", function () {
  this.timeout(20_000);
  let root: string;
  let scope: LeakScope;
  let earlier: Traces;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "kata-leaks-"));
    scope = { marks: [root, basename(root)], directories: [root] };
    earlier = traces(scope);
  });

  afterEach(async () => {
    await sys.mounts.unmountTree(root, { detach: true });
    rmSync(root, { recursive: true });
  });

  const found = (): string => leaksSince(earlier, scope).join("\n");

  it("finds nothing when nothing was left", async () => {
    await expectNoLeaks(earlier, scope, 0);
  });

  it("finds a process by its command line, until it has ended", async () => {
    const child = spawn("sleep", ["60"], { argv0: `sleeping in ${root}`, stdio: "ignore" });
    await new Promise((resolve) => child.once("spawn", resolve));
    expect(found()).to.match(new RegExp(`^process ${child.pid}: sleeping in ${root}`));
    child.kill("SIGKILL");
    await expectNoLeaks(earlier, scope);
  });

  it("finds a socket, an abstract one too, and a directory", async () => {
    const server = createServer().listen(join(root, "s.sock"));
    const abstract = createServer().listen(`\0kata-${basename(root)}`);
    await Promise.all([server, abstract].map((one) => new Promise((resolve) => one.once("listening", resolve))));
    mkdirSync(join(root, "left"));
    const lines = found();
    expect(lines).to.include(`socket ${root}/s.sock`);
    expect(lines).to.include(`socket @kata-${basename(root)}`);
    expect(lines).to.include(`entry ${root}/left`);
    const error = await expectNoLeaks(earlier, scope, 50).catch((cause: unknown) => cause);
    expect(error).to.have.property("message").that.includes("left behind").and.includes(`${root}/left`);
    await Promise.all([server, abstract].map((one) => new Promise((resolve) => one.close(resolve))));
    rmdirSync(join(root, "left"));
    await expectNoLeaks(earlier, scope);
  });

  it("waits for what is still going away", async () => {
    const path = join(root, "going");
    mkdirSync(path);
    setTimeout(() => rmdirSync(path), 100);
    await expectNoLeaks(earlier, scope);
  });

  it("does not mind what others do", () => {
    const other = mkdtempSync(join(tmpdir(), "kata-others-"));
    expect(found()).to.equal("");
    rmdirSync(other);
  });

  describe("as root", () => {
    before(function () {
      if (process.getuid?.() !== 0) skip(this, "mounting needs root");
    });

    it("finds a mount, a network namespace with its links, and a cgroup", async () => {
      await sys.mounts.mount({ source: "test", target: root, type: "tmpfs" });
      const name = basename(root);
      const hierarchy = existsSync("/sys/fs/cgroup/unified") ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
      const cgroup = join(hierarchy, name);
      mkdirSync(cgroup);
      mkdirSync("/run/netns", { recursive: true });
      sys.namespaces.createNetworkNamespace(`/run/netns/${name}`);
      const withNamespace = { ...scope, namespaces: [name] };
      const lines = leaksSince(earlier, withNamespace).join("\n");
      expect(lines).to.match(new RegExp(`mount \\d+ of tmpfs test \\(/\\) at ${root}`));
      expect(lines).to.include(`entry /run/netns/${name}`);
      expect(lines).to.include(`namespace ${name}: link lo`);
      expect(lines).to.include(`cgroup ${cgroup}`);
      rmdirSync(cgroup);
      await sys.mounts.unmountTree(root);
      sys.namespaces.removeNetworkNamespace(`/run/netns/${name}`);
      await expectNoLeaks(earlier, withNamespace);
    });
  });
});
