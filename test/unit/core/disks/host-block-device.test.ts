import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import {
  blockDeviceByNumber,
  type DeviceRoots,
  hostBlockDevice,
} from "../../../../src/core/disks/host-block-device.js";
import { createLinuxSys } from "../../../../src/core/sys/linux/index.js";
import { needsRoot } from "../../../support/needs-root.js";
import { temporaryDirectory, thrown } from "../sys/fixture.js";

describe("a block device of the host", () => {
  const sys = createLinuxSys();
  const directory = temporaryDirectory();
  let roots: DeviceRoots;

  before(function () {
    needsRoot(this);
  });

  beforeEach(() => {
    roots = { sys: join(directory.path, "sys"), dev: join(directory.path, "dev") };
    mkdirSync(join(roots.dev, "mapper"), { recursive: true });
    add("xvda", 254, 3);
    add("bus/far", 259, 0x12345);
  });

  /** The kernel tells of a device, and it has its node. */
  function add(name: string, major: number, minor: number): void {
    tell(name, major, minor);
    const path = join(roots.dev, name);
    mkdirSync(join(path, ".."), { recursive: true });
    sys.files.mknod(path, "block", 0o600, { major, minor });
  }

  function tell(name: string, major: number, minor: number): void {
    const told = join(roots.sys, "dev/block", `${major}:${minor}`);
    mkdirSync(told, { recursive: true });
    writeFileSync(join(told, "uevent"), `MAJOR=${major}\nMINOR=${minor}\nDEVNAME=${name}\nDEVTYPE=disk\n`);
  }

  it("is found by its numbers, however large", () => {
    expect(blockDeviceByNumber(254, 3, roots)).to.deep.equal({ path: join(roots.dev, "xvda"), major: 254, minor: 3 });
    expect(blockDeviceByNumber(259, 0x12345, roots)).to.include({ path: join(roots.dev, "bus/far"), minor: 0x12345 });
  });

  it("is found by a path and by a link below /dev, and is its node there", () => {
    symlinkSync("../xvda", join(roots.dev, "mapper/volume"));
    for (const name of ["xvda", "mapper/volume"]) {
      expect(hostBlockDevice(sys, join(roots.dev, name), roots), name).to.include({ path: join(roots.dev, "xvda") });
    }
  });

  it("is none of what else there is", () => {
    writeFileSync(join(directory.path, "file"), "");
    sys.files.mknod(join(roots.dev, "null"), "character", 0o600, { major: 1, minor: 3 });
    symlinkSync(join(roots.dev, "xvda"), join(directory.path, "link"));
    const others = ["file", "missing", "file/below", "dev", "dev/null", "link", "dev/../link"];
    for (const other of others) {
      expect(hostBlockDevice(sys, `${directory.path}/${other}`, roots), other).to.equal(undefined);
    }
    expect(hostBlockDevice(sys, "relative", roots)).to.equal(undefined);
  });

  it("is refused by a name that is not the kernel's", () => {
    tell("missing", 254, 4);
    tell("xvda", 254, 5);
    tell("../../etc/passwd", 254, 6);
    for (const minor of [4, 5, 6, 7]) {
      expect(
        thrown(() => blockDeviceByNumber(254, minor, roots)),
        `minor ${minor}`,
      ).to.equal("KATA_DISK_SOURCE");
    }
  });

  it("is refused by a node that somebody has made in a directory of a file system", () => {
    // The test's own /dev is of the same one, hence the host's for this.
    const path = join(directory.path, "planted");
    sys.files.mknod(path, "block", 0o600, { major: 254, minor: 3 });
    expect(thrown(() => hostBlockDevice(sys, path))).to.equal("KATA_DISK_SOURCE");
  });
});
