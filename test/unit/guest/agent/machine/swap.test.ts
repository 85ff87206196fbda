import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { addSwap } from "../../../../../guest/agent/machine/swap.js";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { type FakeSys, fakeSys } from "../../../../../src/testing/fake-sys.js";
import { needsRoot } from "../../../../support/needs-root.js";
import { rejected, temporaryDirectory } from "../../../core/sys/fixture.js";

describe("swap of the guest", () => {
  const directory = temporaryDirectory();
  let sys: FakeSys;
  let roots: { sys: string; dev: string; proc: string };
  let disk: string;

  before(function () {
    needsRoot(this);
  });

  beforeEach(() => {
    sys = fakeSys();
    roots = { sys: join(directory.path, "sys"), dev: join(directory.path, "dev"), proc: join(directory.path, "proc") };
    for (const path of [roots.dev, roots.proc]) mkdirSync(path);
    disk = join(roots.dev, "vdb");
    createLinuxSys().files.mknod(disk, "block", 0o600, { major: 254, minor: 16 });
    has();
  });

  /** The kernel has these devices for swap. */
  function has(...devices: readonly string[]): void {
    const lines = devices.map((device) => `${device}\tpartition\t262140\t\t0\t\t-2`);
    writeFileSync(join(roots.proc, "swaps"), ["Filename\t\t\t\tType\t\tSize", ...lines, ""].join("\n"));
  }

  const add = (place: string) => addSwap({ sys, roots, hotplugTime: 50 }, place);

  it("is a disk, by its path or by its slots of PCI", async () => {
    await add(disk);
    mkdirSync(join(roots.sys, "devices/pci0000:00/0000:00:02.0/pci_bus/0000:01"), { recursive: true });
    mkdirSync(join(roots.sys, "devices/pci0000:00/0000:00:02.0/0000:01:0a.0/virtio3/block/vdb"), { recursive: true });
    await add("02/0a");
    expect(sys.callsTo("machine", "swapOn")).to.deep.equal([[disk], [disk]]);
  });

  it("stays with what it is already", async () => {
    has("/dev/vda", disk);
    await add(disk);
    expect(sys.callsTo("machine", "swapOn")).to.deep.equal([]);
  });

  it("is refused with what there is, and by a kernel that has none as such", async () => {
    has("/dev/vda");
    sys.fail("machine", "swapOn", "EINVAL");
    expect(await rejected(() => add(disk))).to.equal("KATA_GUEST_SWAP");
    const message = await add(disk).catch((error: Error) => error.message);
    expect(message).to.include(`does not take the disk ${disk} for swap; it has: /dev/vda`);
    sys.fail("machine", "swapOn", "ENOSYS");
    expect(await rejected(() => add(disk))).to.equal("KATA_GUEST_NO_SWAP");
  });

  it("is nothing but a disk, below /dev", async () => {
    symlinkSync("/dev/null", join(roots.dev, "vdc"));
    expect(await rejected(() => add(join(roots.dev, "vdc")))).to.equal("KATA_GUEST_ARGUMENT");
    expect(await rejected(() => add("/etc/passwd"))).to.equal("KATA_GUEST_ARGUMENT");
    expect(await rejected(() => add(`${roots.dev}/../vdb`))).to.equal("KATA_GUEST_ARGUMENT");
    expect(await rejected(() => add(""))).to.equal("KATA_GUEST_ARGUMENT");
    expect(await rejected(() => add("1f"))).to.equal("KATA_GUEST_DEVICE_ABSENT");
    expect(sys.callsTo("machine", "swapOn")).to.deep.equal([]);
  });
});
