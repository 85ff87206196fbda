import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { cleanUpSandbox } from "../../../src/bin/shim/cleanup.js";
import { runDirectory } from "../../../src/bin/shim/layout.js";
import { codeOf, describeError } from "../../../src/core/errors/error.js";
import { SandboxRecord } from "../../../src/core/sandbox/record.js";
import { removeUnmounted } from "../../../src/core/sandbox/undo-record.js";
import { SharedTree } from "../../../src/core/share-fs/shared-tree.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { needsRoot } from "../sys/fixture.js";

describe("what a killed shim left, and somebody hostile has had hold of", () => {
  const sys = createLinuxSys();
  const name = { namespace: "test", sandboxId: "pod" };
  let root: string;
  let directory: string;
  let children: ChildProcess[];
  const at = (path: string): string => join(root, path);
  const roots = () => ({ run: at("run"), sockets: at("s") });
  const file = () => join(directory, "record.json");
  const cleanUp = () => cleanUpSandbox({ sys, roots: roots(), name });

  before(function () {
    needsRoot(this);
  });

  beforeEach(async () => {
    children = [];
    root = mkdtempSync(join(tmpdir(), "kata-ts-hostile-"));
    await sys.mounts.mount({ source: "test", target: root, type: "tmpfs" });
    await sys.mounts.setPropagation(root, "private");
    directory = runDirectory(roots(), name);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    mkdirSync(at("victim/below"), { recursive: true });
    writeFileSync(at("victim/file"), "precious");
  });

  afterEach(async () => {
    for (const child of children ?? []) child.kill("SIGKILL");
    if (root === undefined) return;
    await sys.mounts.unmountTree(root, { detach: true });
    rmSync(root, { recursive: true });
  });

  function expectVictim(): void {
    expect(readFileSync(at("victim/file"), "utf8")).to.equal("precious");
    expect(readdirSync(at("victim"))).to.have.members(["file", "below"]);
  }

  /** A sandbox with a process and a shared tree, in whose record the victim stands as a tree to be removed. */
  async function leave(): Promise<ChildProcess> {
    const record = SandboxRecord.create(directory, { namespace: name.namespace, id: name.sandboxId });
    const { env } = record.process("machine");
    const child = spawn("sleep", ["1000"], { env: { PATH: process.env["PATH"], ...env }, stdio: "ignore" });
    children.push(child);
    await once(child, "spawn");
    record.tree(at("victim"));
    mkdirSync(at("run/shared"));
    await new SharedTree(sys, at("run/shared/test@pod")).create();
    return child;
  }

  it("is removed with the links and mounts that were planted in it, and nothing behind those", async () => {
    const record = SandboxRecord.create(directory, { namespace: name.namespace, id: name.sandboxId });
    symlinkSync(at("victim"), join(directory, "link"));
    symlinkSync(at("victim"), join(directory, "record.json.new"));
    for (const mount of ["mount", "mount/below", "deep/er"]) mkdirSync(join(directory, mount), { recursive: true });
    await sys.mounts.bind(at("victim"), join(directory, "mount"));
    await sys.mounts.mount({ source: "test", target: join(directory, "mount/below"), type: "tmpfs" });
    await sys.mounts.bind(at("victim"), join(directory, "deep/er"));
    symlinkSync(at("victim"), at("tree"));
    symlinkSync(at("victim/file"), at("socket"));
    symlinkSync(at("victim"), at("mounted"));
    record.tree(at("tree"));
    record.file(at("socket"));
    record.mount(at("mounted"));
    await cleanUp();
    expectVictim();
    for (const path of [directory, at("tree"), at("socket")]) expect(existsSync(path), path).to.equal(false);
    expect(sys.mounts.below(at("run"))).to.deep.equal([]);
  });

  it("is not removed through a mount that the kernel lists by another path", async () => {
    symlinkSync("run", at("other"));
    mkdirSync(join(directory, "mount"));
    await sys.mounts.bind(at("victim"), join(directory, "mount"));
    const refusal = await removeUnmounted(sys, at("other/test/pod")).catch(codeOf);
    expect(refusal).to.equal("KATA_SYS_CROSSES_MOUNT");
    expectVictim();
  });

  it("does not write its record through a link", async () => {
    const record = SandboxRecord.create(directory, { namespace: name.namespace, id: name.sandboxId });
    symlinkSync(at("victim/file"), `${file()}.new`);
    record.mount("/a");
    expectVictim();
    expect(SandboxRecord.load(directory)?.content.paths).to.deep.equal([{ kind: "mount", path: "/a" }]);
  });

  const tampered: readonly { what: string; code: string; says: RegExp; tamper: () => void }[] = [
    {
      what: "truncated",
      code: "KATA_RECORD_BROKEN",
      says: /is not JSON/,
      tamper: () => truncateSync(file(), readFileSync(file()).length - 20),
    },
    {
      what: "of a newer version",
      code: "KATA_RECORD_BROKEN",
      says: /version 99, and this program reads version \d/,
      tamper: () => writeFileSync(file(), readFileSync(file(), "utf8").replace(/"version":\d/, '"version":99')),
    },
    {
      what: "of another sandbox",
      code: "KATA_RECORD_BROKEN",
      says: /that of the sandbox "other"/,
      tamper: () => writeFileSync(file(), readFileSync(file(), "utf8").replace('"pod"', '"other"')),
    },
    {
      what: "of another owner",
      code: "KATA_RECORD_UNTRUSTED",
      says: /belongs to user 12345/,
      tamper: () => chownSync(file(), 12_345, 0),
    },
    {
      what: "world-writable",
      code: "KATA_RECORD_UNTRUSTED",
      says: /can be written by group or others \(mode 666\)/,
      tamper: () => chmodSync(file(), 0o666),
    },
    {
      what: "in a directory that is world-writable",
      code: "KATA_RECORD_UNTRUSTED",
      says: /test\/pod can be written by group or others/,
      tamper: () => chmodSync(directory, 0o777),
    },
    {
      what: "a link to one",
      code: "KATA_RECORD_UNTRUSTED",
      says: /is a symbolic link/,
      tamper: () => {
        renameSync(file(), at("elsewhere"));
        symlinkSync(at("elsewhere"), file());
      },
    },
    {
      what: "a fifo that nobody writes",
      code: "KATA_RECORD_UNTRUSTED",
      says: /is a fifo/,
      tamper: () => {
        rmSync(file());
        execFileSync("mkfifo", [file()]);
      },
    },
    {
      what: "huge",
      code: "KATA_RECORD_UNTRUSTED",
      says: /has 1099511627776 bytes/,
      tamper: () => truncateSync(file(), 2 ** 40),
    },
  ];
  for (const { what, code, says, tamper } of tampered) {
    it(`is undone as far as that is safe when its record is ${what}, which is refused`, async () => {
      const child = await leave();
      const ended = once(child, "exit");
      mkdirSync(join(directory, "mount"));
      await sys.mounts.bind(at("victim"), join(directory, "mount"));
      tamper();
      const error: unknown = await cleanUp().catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(AggregateError);
      expect((error as AggregateError).errors.map(codeOf)).to.deep.equal([code]);
      expect(describeError(error)).to.match(says).and.contain(file());
      expectVictim();
      expect((await ended)[1]).to.equal("SIGKILL");
      expect(sys.mounts.below(at("run"))).to.deep.equal([]);
      expect(readdirSync(at("run/shared"))).to.deep.equal([]);
      // What nobody could undo any more without it stays, until somebody has looked at it.
      expect(existsSync(directory)).to.equal(true);
      rmSync(file());
      await cleanUp();
      expect(existsSync(directory)).to.equal(false);
      expectVictim();
    });
  }
});
