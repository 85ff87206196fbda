import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { InlineFsDevice } from "../../../src/core/contracts/device.js";
import { codeOf } from "../../../src/core/errors/error.js";
import { SandboxRecord } from "../../../src/core/sandbox/record.js";
import { cleanupStale } from "../../../src/core/share-fs/cleanup-stale.js";
import { OpenFlag } from "../../../src/core/sys/open-flags.js";
import { InlineVirtioFs } from "../../../src/plugins/storage/inline-virtio-fs/inline-virtio-fs.js";
import { opcode } from "../../../src/vmm/fuse/protocol.js";
import { checkLeaks } from "../../support/leaks.js";
import { FuseClient, root, text } from "../../support/vmm/fuse-client.js";
import { needsRoot } from "../sys/fixture.js";
import { makePlace, never, type Place, sys } from "./fixture.js";

describe("inline-virtio-fs", () => {
  let place: Place;
  let share: InlineVirtioFs;
  let client: FuseClient | undefined;

  before(function () {
    needsRoot(this);
  });

  const make = (): InlineVirtioFs => {
    const { directory, runDirectory } = place;
    const record =
      SandboxRecord.load(runDirectory) ?? SandboxRecord.create(runDirectory, { namespace: "ns", id: "sandbox" });
    return new InlineVirtioFs({ sys, record, directory, settings: { cache: "auto", queueSize: 512 } });
  };

  beforeEach(() => {
    place = makePlace();
    share = make();
  });

  afterEach(async () => {
    client?.close();
    client = undefined;
    await share.cleanup();
    await sys.mounts.unmountTree(place.root, { detach: true });
    place.remove();
  });

  checkLeaks(() => ({ marks: [place.root], directories: [place.root] }));

  /** A guest of the device that the share asks the hypervisor for. */
  async function guest(): Promise<FuseClient> {
    const { devices } = await share.prepare(never);
    const device = devices[0] as InlineFsDevice;
    expect(device).to.include({ kind: "inline-fs", id: "share-fs", tag: "kataShared", cache: "auto", queueSize: 512 });
    client = await FuseClient.open({ directory: device.path, readOnly: device.readOnly });
    return client;
  }

  it("shows the guest what is shared, from then on and no longer", async () => {
    const source = place.make("source");
    writeFileSync(join(source, "file"), "content");
    const fuse = await guest();
    expect(await fuse.list(root)).to.have.length(2);
    const shared = await share.share({ name: "container/rootfs", source, readOnly: false });
    expect(shared.guestPath).to.equal("/run/kata-containers/shared/containers/container/rootfs");
    const rootfs = await fuse.walk("container", "rootfs");
    // It is a mount, and the guest is told so.
    expect((await fuse.lookup(await fuse.walk("container"), "rootfs")).attributes.flags).to.equal(1);
    const made = await fuse.create(rootfs, "new");
    await fuse.write(made.node, made.handle, 0, Buffer.from("from the guest"));
    expect(readFileSync(join(source, "new"), "utf8")).to.equal("from the guest");
    writeFileSync(join(source, "later"), "");
    expect((await fuse.lookup(rootfs, "later")).status).to.equal("ok");
    await shared.release();
    expect((await fuse.lookup(root, "container")).status).to.equal("ENOENT");
    expect(readFileSync(join(source, "file"), "utf8")).to.equal("content");
  });

  it("keeps the guest from changing what is read-only, and the tree between shares", async () => {
    const source = place.make("source");
    writeFileSync(join(source, "file"), "content");
    const fuse = await guest();
    await share.share({ name: "c/writable", source, readOnly: false });
    await share.share({ name: "c/fixed", source, readOnly: true });
    const fixed = await fuse.walk("c", "fixed");
    const file = await fuse.walk("c", "writable", "file");
    expect((await fuse.open(file, OpenFlag.readWrite)).status).to.equal("ok");
    expect((await fuse.open(await fuse.walk("c", "fixed", "file"), OpenFlag.readWrite)).status).to.equal("EROFS");
    expect((await fuse.create(fixed, "new")).status).to.equal("EROFS");
    for (const parent of [root, await fuse.walk("c")]) {
      expect((await fuse.mkdir(parent, "new")).status).to.equal("EROFS");
      expect((await fuse.symlink(parent, "new", "/")).status).to.equal("EROFS");
    }
    expect((await fuse.call(opcode.rmdir, root, [text("c")])).status).to.be.oneOf(["EROFS", "EBUSY"]);
    expect(existsSync(join(source, "new"))).to.equal(false);
  });

  // CVE-2020-2026: the guest puts a link in the place where the runtime is about to mount something.
  it("mounts nothing through a link that the guest has put in the way", async () => {
    const source = place.make("source");
    const outside = place.make("outside");
    mkdirSync(join(source, "volume"));
    const fuse = await guest();
    await share.share({ name: "c/rootfs", source, readOnly: false });
    const rootfs = await fuse.walk("c", "rootfs");
    await fuse.call(opcode.rmdir, rootfs, [text("volume")]);
    expect((await fuse.symlink(rootfs, "volume", outside)).status).to.equal("ok");
    const nested = share.share({ name: "c/rootfs/volume", source: outside, readOnly: false });
    expect(await nested.then(() => "shared", codeOf)).to.equal("KATA_SHARE_NAME");
    const linked = share.share({ name: "linked", source: join(source, "volume"), readOnly: false });
    expect(await linked.then(() => "shared", codeOf)).to.equal("KATA_SHARE_SOURCE");
    expect(sys.mounts.below(outside)).to.deep.equal([]);
  });

  it("is prepared once, and not after its end", async () => {
    await share.prepare(never);
    expect(await share.prepare(never).then(() => "prepared", codeOf)).to.equal("KATA_SHARE_STATE");
    await share.cleanup();
    await share.cleanup();
    const source = place.make("source");
    const late = share.share({ name: "late", source, readOnly: false });
    expect(await late.then(() => "shared", codeOf)).to.equal("KATA_SHARE_STATE");
    expect(existsSync(place.directory)).to.equal(false);
  });

  it("is cleaned up after a crash, also while a guest still holds files", async () => {
    const source = place.make("source");
    writeFileSync(join(source, "file"), "kept");
    const fuse = await guest();
    await share.share({ name: "c/rootfs", source, readOnly: false });
    const file = await fuse.walk("c", "rootfs", "file");
    const { handle } = await fuse.open(file);
    await cleanupStale(sys, { root: join(place.root, "shared"), namespace: "ns", sandboxId: "sandbox" });
    expect(existsSync(place.directory)).to.equal(false);
    expect(sys.mounts.below(place.root)).to.deep.equal([]);
    expect((await fuse.read(file, handle, 0, 100)).body.toString()).to.equal("kept");
    expect(readFileSync(join(source, "file"), "utf8")).to.equal("kept");
  });
});
