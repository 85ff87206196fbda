import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { resizeVolume, volumeStats } from "../../../../../guest/agent/storage/volume-size.js";
import { messageOf } from "../../../../../src/core/errors/error.js";
import { type FakeSys, fakeSys } from "../../../../../src/testing/fake-sys.js";
import { rejected, temporaryDirectory, thrown } from "../../../core/sys/fixture.js";

const mib = 2 ** 20;

describe("volumes of a guest", () => {
  const directory = temporaryDirectory();
  let sys: FakeSys;
  let path: string;

  const at = (...names: string[]): string => join(directory.path, ...names);
  const tools = () => ({
    sys,
    roots: { run: at("run"), proc: at("proc"), sys: at("sys"), dev: at("dev"), cgroup: at("cgroup") },
  });
  /** The kernel's word for how large the disk is. */
  const setSize = (bytes: number): void => writeFileSync(at("sys/dev/block/0:99/size"), `${bytes / 512}\n`);
  const mount = (type: string) => sys.mounts.mount({ source: "/dev/vdb", target: path, type });

  beforeEach(() => {
    sys = fakeSys();
    path = at("run/kata-containers/sandbox/storage/one");
    for (const one of [path, at("sys/dev/block/0:99")]) mkdirSync(one, { recursive: true });
    const info = { type: 0xef53, blockSize: 1024, totalFiles: 100, freeFiles: 90 };
    sys.answer("files", "statfs", () => ({ ...info, totalBytes: 8000, freeBytes: 5000, availableBytes: 4000 }));
    sys.answer("devices", "ioctl", () => 0);
  });

  it("tell how full they are, in bytes and in files", async () => {
    await mount("ext4");
    expect(volumeStats(tools(), path)).to.deep.equal({
      usage: [
        { unit: 1, total: 8000n, used: 3000n, available: 4000n },
        { unit: 2, total: 100n, used: 10n, available: 90n },
      ],
      volumeCondition: { abnormal: false, message: "" },
    });
  });

  it("get all of a disk that has grown, when the kernel knows of it", async () => {
    await mount("ext4");
    setSize(8 * mib);
    const resizing = resizeVolume(tools(), path, BigInt(16 * mib), 5000);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(sys.callsTo("devices", "ioctl")).to.deep.equal([]);
    setSize(20 * mib);
    await resizing;
    const [[, request, blocks] = []] = sys.callsTo("devices", "ioctl");
    expect(request).to.equal(0x40086610);
    expect((blocks as Buffer).readBigUInt64LE()).to.equal(BigInt(20 * 1024));
  });

  it("have disks of SCSI asked for their size", async () => {
    await mount("ext4");
    mkdirSync(at("sys/dev/block/0:99/device"));
    writeFileSync(at("sys/dev/block/0:99/device/rescan"), "");
    setSize(8 * mib);
    await resizeVolume(tools(), path, BigInt(mib), 5000);
    expect(readFileSync(at("sys/dev/block/0:99/device/rescan"), "utf8")).to.equal("1\n");
  });

  it("are an error that says why they do not grow", async () => {
    const grow = (one = path) => resizeVolume(tools(), one, BigInt(16 * mib), 20);
    expect(await rejected(() => grow())).to.equal("KATA_GUEST_VOLUME_UNKNOWN");
    expect(thrown(() => volumeStats(tools(), path))).to.equal("KATA_GUEST_VOLUME_UNKNOWN");
    for (const wrong of ["/etc", `${path}/../../..`, at("run/kata-containers"), ""])
      expect(await rejected(() => grow(wrong)), wrong).to.equal("KATA_GUEST_ARGUMENT");
    await mount("xfs");
    expect(await rejected(() => grow())).to.equal("KATA_GUEST_VOLUME_TYPE");
    await mount("ext4");
    setSize(8 * mib);
    const late = await grow().catch(messageOf);
    expect(late).to.include(`cannot have ${16 * mib} bytes: its disk has ${8 * mib} bytes, after 20 ms`);
    setSize(16 * mib);
    sys.fail("devices", "ioctl", "EPERM");
    expect(await grow().catch(messageOf)).to.match(/its file system \(ext4\) refuses: .*EPERM/);
  });
});
