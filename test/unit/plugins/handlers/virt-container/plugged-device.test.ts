import { expect } from "chai";
import type { OciDeviceCgroup, OciLinuxDevice, OciSpec } from "../../../../../src/core/oci/spec.js";
import {
  blockDeviceRules,
  blockDevicesOf,
  PluggedDevice,
} from "../../../../../src/plugins/handlers/virt-container/plugged-device.js";
import { FakeDisks } from "../../../../../src/testing/fake-disks.js";
import { rejected } from "../../../core/sys/fixture.js";

const disk: OciLinuxDevice = { path: "/dev/xvda", type: "b", major: 8, minor: 16, fileMode: 0o660 };
const rule = (access: string, more: Partial<OciDeviceCgroup> = {}): OciDeviceCgroup => ({
  allow: true,
  type: "b",
  major: 8,
  minor: 16,
  access,
  ...more,
});
const specOf = (devices: OciLinuxDevice[], rules: OciDeviceCgroup[] = []): OciSpec => ({
  ociVersion: "1.0.2",
  linux: { devices, resources: { devices: rules } },
});

describe("a device of a container", () => {
  const find = (major: number, minor: number) => ({ path: `/dev/${major}-${minor}`, major, minor });
  let disks: FakeDisks;
  beforeEach(() => (disks = new FakeDisks()));

  const make = (
    device: OciLinuxDevice,
    rules: OciDeviceCgroup[] = [],
    parts: { disks: FakeDisks | undefined } = { disks },
  ) => new PluggedDevice(device, specOf([device], rules), parts.disks, find);

  it("is a disk of the machine when it is one of the host's, until the container ends", async () => {
    const device = make(disk);
    expect(await device.prepare()).to.deep.equal({
      devices: [{ id: "02", type: "blk", vmPath: "", containerPath: "/dev/xvda", options: [] }],
    });
    expect(disks.added).to.deep.equal([{ purpose: "the device /dev/xvda", path: "/dev/8-16", readOnly: false }]);
    await device.detach();
    await device.cleanup();
    expect(disks.released).to.equal(1);
  });

  it("is read-only for the machine when no rule lets it be written to", async () => {
    for (const rules of [
      [rule("r"), rule("mr")],
      [rule("r"), rule("w", { minor: 17 })],
      [rule("r"), rule("rw", { allow: false })],
      [rule("r"), rule("rw")],
      [{ allow: true, access: "rwm" }],
    ]) {
      await make(disk, rules).prepare();
    }
    expect(disks.added.map(({ readOnly }) => readOnly)).to.deep.equal([true, true, true, false, false]);
  });

  it("has its rules told to the guest, and no others", () => {
    const own = [rule("r"), rule("m")];
    const others = [rule("rw", { allow: false }), rule("r", { type: "c" }), rule("r", { major: 9 }), { allow: true }];
    const spec = specOf([disk, { path: "/dev/null", type: "c", major: 1, minor: 3 }], [...own, ...others]);
    expect(blockDeviceRules(spec)).to.deep.equal(own);
    expect(blockDevicesOf(spec)).to.deep.equal([disk]);
    expect(blockDevicesOf({ ociVersion: "1.0.2" })).to.deep.equal([]);
  });

  it("needs its numbers, and that containers may have disks", async () => {
    for (const { minor: _minor, ...device } of [disk, { ...disk, major: -1, minor: 1 }]) {
      expect(await rejected(() => make(device).prepare())).to.equal("KATA_SPEC_INVALID");
    }
    expect(await rejected(() => make({ ...disk, major: -1 }).prepare())).to.equal("KATA_SPEC_INVALID");
    expect(await rejected(() => make(disk, [], { disks: undefined }).prepare())).to.equal("KATA_DEVICE_NO_DISKS");
    expect(disks.added).to.deep.equal([]);
  });
});
