import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { DiskMount, DiskRequest, Disks } from "../../../../../src/core/contracts/disks.js";
import type { ContainerdMount } from "../../../../../src/core/contracts/rootfs.js";
import { codeOf, messageOf } from "../../../../../src/core/errors/error.js";
import { ErofsRootfs } from "../../../../../src/plugins/storage/rootfs-erofs/erofs-rootfs.js";
import { matchErofs } from "../../../../../src/plugins/storage/rootfs-erofs/match.js";
import { temporaryDirectory } from "../../../core/sys/fixture.js";

/** A machine that has disks at `/dev/<last part of the path>`, up to `most`. */
class NotedDisks implements Disks {
  readonly there: DiskRequest[] = [];
  most = Infinity;

  async add(request: DiskRequest) {
    if (this.there.length >= this.most) throw new Error("no more slots");
    this.there.push(request);
    const source = `/dev/${request.path.split("/").at(-1)}`;
    return {
      storage: (mount: DiskMount) => ({ driver: "blk", source, ...mount }),
      device: (containerPath: string) => ({ id: source, type: "blk", vmPath: source, containerPath, options: [] }),
      grow: () => Promise.reject(new Error("nobody does that")),
      release: async () => void this.there.splice(this.there.indexOf(request), 1),
    };
  }
}

describe("ErofsRootfs", () => {
  const directory = temporaryDirectory();
  const signal = new AbortController().signal;
  let disks: NotedDisks;

  beforeEach(() => (disks = new NotedDisks()));

  const file = (name: string, bytes: Buffer | string = ""): string => {
    const path = join(directory.path, name);
    writeFileSync(path, bytes);
    return path;
  };
  const layer = (name: string): ContainerdMount => {
    const bytes = Buffer.alloc(4096);
    bytes.writeUInt32LE(0xe0f5e1e2, 1024);
    return { type: "erofs", source: file(name, bytes), target: "", options: ["ro", "loop"] };
  };
  const overlay = (...options: string[]): ContainerdMount => ({
    type: "format/mkdir/overlay",
    source: "overlay",
    target: "",
    options,
  });
  const memory = (layers: number) =>
    overlay("workdir=/s/work", "upperdir=/s/fs", `lowerdir={{ overlay 0 ${layers - 1} }}`);
  const make = (mounts: ContainerdMount[], containerId = "c1", more: { disks?: undefined } = {}) =>
    new ErofsRootfs({
      containerId,
      bundle: directory.path,
      rootPath: "/some/root",
      readOnly: false,
      mounts,
      shareFs: undefined,
      disks,
      ...more,
    });
  const refused = async (mounts: ContainerdMount[]): Promise<[string | undefined, string]> => {
    const rootfs = make(mounts);
    const error = await rootfs.prepare(signal).catch((error_: unknown) => error_);
    await rootfs.detach();
    return [codeOf(error), messageOf(error)];
  };

  it("is what has a layer among its mounts", () => {
    expect(matchErofs({ mounts: [layer("one"), memory(1)] })).to.be.above(10);
    expect(matchErofs({ mounts: [overlay("lowerdir=/a")] })).to.equal(0);
    expect(matchErofs({ mounts: [] })).to.equal(0);
  });

  it("gives the guest layers, memory to write to, and the overlay of them", async () => {
    const rootfs = make([layer("top"), layer("base"), memory(2)]);
    const at = "/run/kata-containers/c1";
    const below = (name: string, mountPoint: string) => ({
      driver: "blk",
      source: `/dev/${name}`,
      fstype: "erofs",
      options: ["ro"],
      mountPoint,
      shared: true,
    });
    expect(await rootfs.prepare(signal)).to.deep.equal({
      guestPath: `${at}/rootfs`,
      storages: [
        below("top", "/run/kata-containers/layers/0"),
        below("base", "/run/kata-containers/layers/1"),
        { driver: "ephemeral", source: "tmpfs", fstype: "tmpfs", options: ["mode=0755"], mountPoint: `${at}/writable` },
        {
          driver: "overlayfs",
          source: "overlay",
          fstype: "overlay",
          options: [
            "lowerdir=/run/kata-containers/layers/0:/run/kata-containers/layers/1",
            `upperdir=${at}/writable/upper`,
            `workdir=${at}/writable/work`,
          ],
          mountPoint: `${at}/rootfs`,
        },
      ],
    });
    expect(disks.there.map(({ readOnly }) => readOnly)).to.deep.equal([true, true]);
    await rootfs.detach();
    await rootfs.cleanup();
    expect(disks.there).to.deep.equal([]);
  });

  it("has what is written on the snapshotter's disk, if there is one", async () => {
    const disk = { type: "ext4", source: file("rw", "a disk"), target: "", options: ["rw", "loop"] };
    const on = ["upperdir={{ mount 0 }}/upper", "workdir={{ mount 0 }}/work", "lowerdir={{ mount 1 }}"];
    const rootfs = make([disk, layer("base"), overlay(...on, "index=off")]);
    const { storages = [] } = await rootfs.prepare(signal);
    expect(storages.map(({ fstype, options }) => [fstype, ...options])).to.deep.equal([
      ["erofs", "ro"],
      ["ext4", "rw"],
      [
        "overlay",
        "lowerdir=/run/kata-containers/layers/0",
        "upperdir=/run/kata-containers/c1/writable/upper",
        "workdir=/run/kata-containers/c1/writable/work",
        "index=off",
      ],
    ]);
    expect(disks.there.find(({ readOnly }) => !readOnly)?.path).to.equal(disk.source);
    await rootfs.detach();
    expect(disks.there).to.deep.equal([]);
  });

  it("is a layer alone where nothing may be written", async () => {
    const { guestPath, storages } = await make([layer("base")]).prepare(signal);
    expect(storages?.map(({ mountPoint }) => mountPoint)).to.deep.equal([guestPath]);
  });

  it("shares layers with other containers of the machine, which go with the last of them", async () => {
    const [one, two] = ["c1", "c2"].map((id) => make([layer("top"), layer("base"), memory(2)], id));
    const made = await Promise.all([one?.prepare(signal), two?.prepare(signal)]);
    const layers = made.map((each) => each?.storages?.slice(0, 2));
    expect(layers[0]).to.deep.equal(layers[1]);
    expect(disks.there.length).to.equal(2);
    await one?.detach();
    await one?.detach();
    expect(disks.there.length).to.equal(2);
    await two?.detach();
    expect(disks.there).to.deep.equal([]);
    // The guest may still have the old mount point for a moment: a disk that comes then has another.
    const again = await make([layer("base")]).prepare(signal);
    expect(again.guestPath).to.equal("/run/kata-containers/layers/2");
  });

  it("has a file that is a layer twice once, where it is the topmost", async () => {
    const [one, two] = [layer("one"), layer("two")];
    const again = { ...one, source: join(directory.path, "again") };
    linkSync(one.source, again.source);
    const rootfs = make([one, two, again, memory(3)]);
    const { storages = [] } = await rootfs.prepare(signal);
    expect(disks.there.map(({ path }) => path)).to.deep.equal([one.source, two.source]);
    expect(storages.at(-1)?.options[0]).to.equal(
      "lowerdir=/run/kata-containers/layers/0:/run/kata-containers/layers/1",
    );
    await rootfs.detach();
  });

  it("gives back what it had when the machine has no more room", async () => {
    disks.most = 2;
    const [code, message] = await refused([layer("a"), layer("b"), layer("c"), memory(3)]);
    expect([code, message]).to.deep.equal([undefined, "no more slots"]);
    expect(disks.there).to.deep.equal([]);
  });

  it("says which layer is none, before the machine gets any", async () => {
    const good = layer("good");
    mkdirSync(join(directory.path, "directory"));
    execFileSync("mkfifo", [join(directory.path, "fifo")]);
    symlinkSync("/dev/null", join(directory.path, "device"));
    const cases: [string, RegExp][] = [
      ["missing", /ENOENT/],
      ["directory", /neither a file nor a block device/],
      ["fifo", /neither a file nor a block device/],
      ["device", /neither a file nor a block device/],
      ["short", /no file system of erofs/],
      ["other", /no file system of erofs/],
    ];
    file("short", "x");
    file("other", Buffer.alloc(4096, 1));
    for (const [name, why] of cases) {
      const source = join(directory.path, name);
      const [code, message] = await refused([good, { ...good, source }, memory(2)]);
      expect(code, name).to.equal("KATA_ROOTFS_EROFS_LAYER");
      expect(message).to.include(`the root file system of "c1": its mount 1 is erofs on ${source}`).and.match(why);
    }
    expect(disks.there).to.deep.equal([]);
  });

  it("refuses mounts that it does not know, too many layers, and a machine without disks", async () => {
    const good = layer("good");
    expect((await refused([good, good]))[0]).to.equal("KATA_ROOTFS_EROFS_MOUNT");
    const many = [...Array.from({ length: 129 }, () => good), memory(129)];
    expect(await refused(many)).to.deep.equal([
      "KATA_ROOTFS_EROFS_LAYERS",
      'the root file system of "c1" has 129 layers; each is a disk of the machine, and 128 are the most. ' +
        "Build the image with fewer, or take another snapshotter for it (overlayfs)",
    ]);
    const on = ["upperdir={{ mount 0 }}/upper", "workdir={{ mount 0 }}/work", "lowerdir={{ mount 1 }}"];
    const unmade = { type: "mkfs/ext4", source: "/s/rw", target: "", options: [] };
    expect((await refused([unmade, good, overlay(...on)]))[1]).to.include("ext2, ext3, ext4, xfs");
    const without = make([good], "c1", { disks: undefined });
    expect(codeOf(await without.prepare(signal).catch((error: unknown) => error))).to.equal(
      "KATA_ROOTFS_EROFS_NO_DISKS",
    );
  });
});
