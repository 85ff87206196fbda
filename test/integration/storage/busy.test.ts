import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { SandboxRecord } from "../../../src/core/sandbox/record.js";
import { undoRecord } from "../../../src/core/sandbox/undo-record.js";
import { SharedFiles } from "../../../src/core/share-fs/shared-files.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { SharedRootfs } from "../../../src/plugins/storage/rootfs-shared/shared-rootfs.js";
import { FakeShareFs } from "../../../src/testing/fake-share-fs.js";
import { checkLeaks } from "../../support/leaks.js";
import { needsRoot } from "../../support/needs-root.js";

const sys = createLinuxSys();

describe("mounts that somebody is still in when they are undone", () => {
  let directory: string;
  let record: SandboxRecord;
  const ends: (() => Promise<unknown>)[] = [];

  before(function () {
    needsRoot(this);
  });
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kts-busy-"));
    for (const one of ["run", "bundle", "lower", "upper", "work"]) mkdirSync(at(one));
    writeFileSync(at("lower/file"), "of the image\n");
    record = SandboxRecord.create(at("run"), { namespace: "test", id: "one" });
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });
  checkLeaks(() => ({ marks: [`${directory}/`] }));
  afterEach(() => rmSync(directory, { recursive: true }));

  const at = (...names: string[]): string => join(directory, ...names);

  /** A process that has its working directory there, which keeps umount(8) from it. */
  async function stayIn(cwd: string): Promise<void> {
    const child = spawn("/bin/sh", ["-c", "echo there; exec sleep 1000"], { cwd, stdio: ["ignore", "pipe", "ignore"] });
    ends.push(async () => {
      child.kill("SIGKILL");
      await once(child, "exit");
    });
    await once(child.stdout, "data");
    const refused = await sys.mounts.unmount(cwd).catch((error: unknown) => String(error));
    expect(refused).to.match(/EBUSY/);
  }

  const overlay = () => {
    const options = [`lowerdir=${at("lower")}`, `upperdir=${at("upper")}`, `workdir=${at("work")}`];
    return [{ type: "overlay", source: "overlay", target: "", options }];
  };
  const root = () =>
    new SharedRootfs(
      { sys, record },
      {
        containerId: "one",
        bundle: at("bundle"),
        rootPath: at("bundle/rootfs"),
        readOnly: false,
        mounts: overlay(),
        shareFs: new FakeShareFs(),
        disks: undefined,
      },
    );
  const mounted = () => sys.mounts.below(directory).map(({ mountPoint }) => mountPoint);

  it("are gone from the host at once: a root file system", async () => {
    const rootfs = root();
    await rootfs.prepare(new AbortController().signal);
    await stayIn(at("bundle/rootfs"));
    await rootfs.cleanup();
    expect(mounted()).to.deep.equal([]);
    expect(record.content.paths).to.deep.equal([]);
  });

  it("are gone from the host at once: what is shared", async () => {
    const files = new SharedFiles({ sys, record, directory: at("shared") });
    await files.prepare();
    await files.share({ name: "one/rootfs", source: at("lower"), readOnly: false });
    await stayIn(at("shared/mounts/one/rootfs"));
    await files.close(() => undefined);
    expect(mounted()).to.deep.equal([]);
    expect(record.content.paths).to.deep.equal([]);
  });

  it("are gone from the host at once: after the shim was killed", async () => {
    await root().prepare(new AbortController().signal);
    const files = new SharedFiles({ sys, record, directory: at("shared") });
    await files.prepare();
    await files.share({ name: "one/rootfs", source: at("bundle/rootfs"), readOnly: false });
    await stayIn(at("bundle/rootfs"));
    await stayIn(at("shared/mounts/one/rootfs"));
    expect(await undoRecord(sys, record.content)).to.deep.equal([]);
    expect(mounted()).to.deep.equal([]);
  });
});
