import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import type { ContainerdMount } from "../../../src/core/contracts/rootfs.js";
import { SandboxRecord } from "../../../src/core/sandbox/record.js";
import { SharedRootfs } from "../../../src/plugins/storage/rootfs-shared/shared-rootfs.js";
import type { VirtioFs } from "../../../src/plugins/storage/virtio-fs/virtio-fs.js";
import { SharedBind } from "../../../src/plugins/storage/volume-shared-bind/shared-bind.js";
import { checkLeaks } from "../../support/leaks.js";
import { connectClient, insideDaemon, makePlace, makeShare, needsDaemon, never, type Place, sys } from "./fixture.js";
import { restOfRequest } from "../../support/rest-of-request.js";

describe("a container's files", function () {
  this.timeout(30_000);
  let place: Place;
  let share: VirtioFs;
  let client: Socket;
  let inside: (path: string) => string;
  let bundle: string;
  let record: SandboxRecord;

  before(function () {
    needsDaemon(this);
  });

  beforeEach(async () => {
    place = makePlace();
    share = makeShare(place);
    await share.prepare(never);
    client = await connectClient(place.socket);
    inside = await insideDaemon(place.root);
    bundle = place.make("bundle");
    record = SandboxRecord.create(place.make("record"), { namespace: "ns", id: "sandbox" });
  });

  afterEach(async () => {
    await share.cleanup();
    client.destroy();
    await sys.mounts.unmountTree(place.root, { detach: true });
    place.remove();
  });

  checkLeaks(() => ({ marks: [place.root], directories: [place.root] }));

  const rootfsOf = (mounts: ContainerdMount[], rootPath = join(bundle, "rootfs")): SharedRootfs =>
    new SharedRootfs(
      { sys, record },
      { containerId: "c1", bundle, rootPath, readOnly: false, mounts, shareFs: share, disks: undefined },
    );

  /** An overlay of `layers` lower directories, each with a file of its own number. */
  const overlay = (layers: number, prefix = "snapshots"): ContainerdMount => {
    const lowers = Array.from({ length: layers }, (_, i) => {
      const directory = place.make(`${prefix}/${i}/fs`);
      writeFileSync(join(directory, `layer${i}`), String(i));
      return directory;
    });
    const [upper, work] = [place.make(`${prefix}/upper/fs`), place.make(`${prefix}/upper/work`)];
    const options = ["index=off", `workdir=${work}`, `upperdir=${upper}`, `lowerdir=${lowers.join(":")}`];
    return { type: "overlay", source: "overlay", target: "", options };
  };

  it("has an overlay of the snapshotter as its root, writes into its upper layer, and gives it back", async () => {
    const rootfs = rootfsOf([overlay(3)]);
    const { guestPath } = await rootfs.prepare(never);
    expect(guestPath).to.equal("/run/kata-containers/shared/containers/c1/rootfs");
    expect(readdirSync(inside("c1/rootfs")).sort()).to.deep.equal(["layer0", "layer1", "layer2"]);
    writeFileSync(inside("c1/rootfs/made"), "in the guest");
    expect(readFileSync(join(place.root, "snapshots/upper/fs/made"), "utf8")).to.equal("in the guest");
    await rootfs.cleanup();
    await rootfs.cleanup();
    expect(sys.mounts.below(bundle)).to.deep.equal([]);
    expect(existsSync(inside("c1"))).to.equal(false);
    expect(record.content.paths).to.deep.equal([]);
  });

  it("can have more layers than a page of options names", async () => {
    const mount = overlay(120, `snapshots-with-a-long-name-${"x".repeat(60)}`);
    expect(mount.options.join(",").length).to.be.above(8192);
    const rootfs = rootfsOf([mount]);
    await rootfs.prepare(never);
    expect(readFileSync(inside("c1/rootfs/layer119"), "utf8")).to.equal("119");
    await rootfs.cleanup();
    expect(sys.mounts.below(bundle)).to.deep.equal([]);
  });

  it("has mounts on top of each other in their order, also below the first", async () => {
    const first = place.make("first");
    mkdirSync(join(first, "sub"));
    const second = place.make("second");
    writeFileSync(join(second, "seen"), "");
    const bind = (source: string, target: string): ContainerdMount => ({
      type: "bind",
      source,
      target,
      options: ["rbind"],
    });
    const rootfs = rootfsOf([bind(first, ""), bind(second, "sub")]);
    await rootfs.prepare(never);
    expect(existsSync(inside("c1/rootfs/sub/seen"))).to.equal(true);
    await rootfs.cleanup();
    expect(sys.mounts.below(bundle)).to.deep.equal([]);
    expect(readdirSync(join(first, "sub"))).to.deep.equal([]);
  });

  it("does not let a mount's target lead out of the root", async () => {
    const outside = place.make("bundle/outside");
    const rootfs = rootfsOf([{ type: "bind", source: place.make("source"), target: "../outside", options: ["rbind"] }]);
    const error = await rootfs.prepare(never).catch((cause: unknown) => cause);
    expect(error).to.have.property("code", "KATA_ROOTFS_MOUNT");
    expect(sys.mounts.below(outside)).to.deep.equal([]);
    await rootfs.cleanup();
  });

  it("has the spec's own root when there is nothing to mount", async () => {
    const rootPath = place.make("image");
    writeFileSync(join(rootPath, "file"), "x");
    const rootfs = rootfsOf([], rootPath);
    await rootfs.prepare(never);
    expect(readdirSync(inside("c1/rootfs"))).to.deep.equal(["file"]);
    await rootfs.cleanup();
    expect(readdirSync(rootPath)).to.deep.equal(["file"]);
  });

  it("binds a file and a directory; read-only holds against the daemon itself", async () => {
    const source = place.make("volume");
    writeFileSync(join(source, "hosts"), "127.0.0.1");
    const volume = (name: string, options: string[], index: number): SharedBind => {
      const mount = { destination: `/etc/${name}`, type: "bind", source: join(source, name), options };
      return new SharedBind({
        containerId: "c1",
        sandboxId: "s",
        mount,
        index,
        shareFs: share,
        disks: undefined,
        ...restOfRequest,
      });
    };
    const file = volume("hosts", ["rbind", "ro"], 0);
    const directory = volume("", ["rbind", "rw"], 1);
    expect(await file.prepare()).to.have.nested.property(
      "mounts[0].source",
      "/run/kata-containers/shared/containers/c1/0-hosts",
    );
    await directory.prepare();
    expect(readFileSync(inside("c1/0-hosts"), "utf8")).to.equal("127.0.0.1");
    expect(() => writeFileSync(inside("c1/0-hosts"), "x")).to.throw(/EROFS/);
    writeFileSync(inside("c1/1-etc/new"), "y");
    await file.cleanup();
    await directory.cleanup();
    expect(readdirSync(source).sort()).to.deep.equal(["hosts", "new"]);
  });

  it("never takes a block device for anything but an error", async () => {
    const device = join(place.root, "disk");
    sys.files.mknod(device, "block", 0o600, { major: 254, minor: 0 });
    const mount = { destination: "/disk", type: "bind", source: device, options: ["rbind"] };
    const request = {
      containerId: "c1",
      sandboxId: "s",
      mount,
      index: 0,
      shareFs: share,
      disks: undefined,
      ...restOfRequest,
    };
    const error = await new SharedBind(request).prepare().catch((cause: unknown) => cause);
    expect(error).to.have.property("code", "KATA_VOLUME_UNSUPPORTED");
    expect(error).to.have.property("message").that.includes("block device").and.includes("/disk");
    expect(
      await share.share({ name: "x", source: device, readOnly: true }).catch((cause: unknown) => cause),
    ).to.have.property("code", "KATA_SHARE_SOURCE");
  });
});
