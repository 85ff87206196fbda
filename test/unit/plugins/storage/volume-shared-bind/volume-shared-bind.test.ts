import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { OciMount } from "../../../../../src/core/oci/spec.js";
import { matchSharedBind } from "../../../../../src/plugins/storage/volume-shared-bind/match.js";
import { isReadOnly } from "../../../../../src/core/oci/mount-access.js";
import { SharedBind } from "../../../../../src/plugins/storage/volume-shared-bind/shared-bind.js";
import { matchShm } from "../../../../../src/plugins/storage/volume-shm/match.js";
import { matchSystem } from "../../../../../src/plugins/storage/volume-system/match.js";
import { FakeShareFs } from "../../../../../src/testing/fake-share-fs.js";
import { fakeSys } from "../../../../../src/testing/fake-sys.js";
import { restOfRequest } from "../../../../support/rest-of-request.js";

describe("the volume shared-bind", () => {
  let directory: string;
  let shareFs: FakeShareFs;
  let server: Server | undefined;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kata-bind-"));
    shareFs = new FakeShareFs();
  });

  afterEach(() => {
    server?.close();
    rmSync(directory, { recursive: true });
  });

  const make = (mount: OciMount, index = 4): SharedBind =>
    new SharedBind({
      containerId: "c",
      sandboxId: "s",
      mount,
      index,
      shareFs,
      disks: undefined,
      ...restOfRequest,
    });
  const bindOf = (source: string, options: string[] = ["rbind"]): OciMount => ({
    destination: "/data",
    type: "bind",
    source,
    options,
  });

  it("takes binds, below those that know a bind better, and only with a share", () => {
    const mount = bindOf("/a");
    expect(matchSharedBind({ mount, shareFs })).to.be.above(0);
    expect(matchSharedBind({ mount: { destination: "/x", source: "/a", options: ["bind"] }, shareFs })).to.be.above(0);
    expect(matchSharedBind({ mount, shareFs: undefined })).to.equal(0);
    expect(matchSharedBind({ mount: { ...mount, source: "relative" }, shareFs })).to.equal(0);
    expect(matchSharedBind({ mount: { destination: "/x", type: "tmpfs", source: "tmpfs" }, shareFs })).to.equal(0);
    const shm = { ...bindOf("/run/pod/shm"), destination: "/dev/shm" };
    expect(matchShm({ mount: shm })).to.be.above(matchSharedBind({ mount: shm, shareFs }));
    const cgroup = { ...bindOf("/sys/fs/cgroup"), destination: "/sys/fs/cgroup" };
    expect(matchSystem({ mount: cgroup })).to.be.above(matchSharedBind({ mount: cgroup, shareFs }));
  });

  it("shares a directory or a file under a name of its own, and points the mount there", async () => {
    const volume = make({ ...bindOf(directory, ["rbind", "rprivate", "rw"]), destination: "/var/my data" });
    expect(await volume.prepare()).to.deep.equal({
      mounts: [
        {
          destination: "/var/my data",
          type: "bind",
          source: "/share/c/4-my_data",
          options: ["rbind", "rprivate", "rw"],
        },
      ],
    });
    const file = join(directory, "resolv.conf");
    writeFileSync(file, "");
    await make({ ...bindOf(file, ["bind", "ro"]), destination: "/etc/resolv.conf" }, 5).prepare();
    expect([...shareFs.held.values()]).to.deep.equal([
      { name: "c/4-my_data", source: directory, readOnly: false, recursive: true },
      { name: "c/5-resolv.conf", source: file, readOnly: true, recursive: false },
    ]);
    await volume.cleanup();
    await volume.cleanup();
    expect([...shareFs.held.keys()]).to.deep.equal(["c/5-resolv.conf"]);
  });

  it("makes a valid name of every destination", async () => {
    for (const destination of ["/", "/..", `/${"x".repeat(300)}`, "/a\0b", "/ü/é"]) {
      const held = shareFs.held.size;
      await make({ ...bindOf(directory), destination }, held).prepare();
      expect([...shareFs.held.keys()].at(-1)).to.match(/^c\/\d+-[A-Za-z0-9._-]{0,48}$/);
    }
  });

  it("goes by the last of ro and rw", () => {
    expect(isReadOnly(["ro"])).to.equal(true);
    expect(isReadOnly(["rro"])).to.equal(true);
    expect(isReadOnly(["ro", "rw"])).to.equal(false);
    expect(isReadOnly(["rw", "rbind", "ro"])).to.equal(true);
    expect(isReadOnly(["root"])).to.equal(false);
    expect(isReadOnly([])).to.equal(false);
  });

  it("refuses devices, sockets, fifos and links, naming destination, source and kind; it never takes one for a disk", async () => {
    symlinkSync("/etc", join(directory, "link"));
    fakeSys().fifos.create(join(directory, "fifo"));
    server = createServer().listen(join(directory, "socket"));
    await new Promise((resolve) => server?.once("listening", resolve));
    for (const [source, kind] of [
      ["/dev/null", "character device"],
      [join(directory, "link"), "symbolic link"],
      [join(directory, "fifo"), "fifo"],
      [join(directory, "socket"), "socket"],
    ] as const) {
      const error = await make(bindOf(source))
        .prepare()
        .catch((cause: unknown) => cause);
      expect(error).to.have.property("code", "KATA_VOLUME_UNSUPPORTED");
      expect(error).to.have.property("status", "UNIMPLEMENTED");
      expect(error).to.have.property("message").that.includes("/data").and.includes(source).and.includes(kind);
    }
    expect(shareFs.held.size).to.equal(0);
  });

  it("says when a source is not there, and why one cannot be shared", async () => {
    const missing = await make(bindOf(join(directory, "none")))
      .prepare()
      .catch((cause: unknown) => cause);
    expect(missing).to.have.property("code", "KATA_VOLUME_SOURCE");
    mkdirSync(join(directory, "there"));
    shareFs.share = () => Promise.reject(new Error("no room"));
    const failed = await make(bindOf(join(directory, "there")))
      .prepare()
      .catch((cause: unknown) => cause);
    expect(failed).to.have.property("code", "KATA_VOLUME_SHARE");
    expect(failed).to.have.property("message").that.includes("/data").and.includes("no room");
  });
});
