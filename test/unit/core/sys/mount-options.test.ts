import { expect } from "chai";
import fc from "fast-check";
import { MountFlag } from "../../../../src/core/sys/mount-flags.js";
import { parseMountOptions } from "../../../../src/core/sys/mount-options.js";
import { thrown } from "./fixture.js";

describe("mount options", () => {
  it("sorts bits, propagation and the file system's own", () => {
    expect(parseMountOptions(["rbind", "rprivate", "ro", "nosuid", "mode=755", "size=64k"])).to.deep.equal({
      flags: MountFlag.bind | MountFlag.recursive | MountFlag.readOnly | MountFlag.noSuid,
      recursiveFlags: 0,
      propagation: { kind: "private", recursive: true },
      data: "mode=755,size=64k",
    });
  });

  it("lets the later of two that contradict win", () => {
    expect(parseMountOptions(["ro", "rw"]).flags).to.equal(0);
    expect(parseMountOptions(["rw", "ro"]).flags).to.equal(MountFlag.readOnly);
    expect(parseMountOptions(["noatime", "relatime"]).flags).to.equal(MountFlag.relatime);
    expect(parseMountOptions(["shared", "rslave"]).propagation).to.deep.equal({ kind: "slave", recursive: true });
  });

  it("takes rro and its like for the mounts below too, and relatime for what it is", () => {
    expect(parseMountOptions(["rbind", "rro"])).to.include({
      flags: MountFlag.bind | MountFlag.recursive | MountFlag.readOnly,
      recursiveFlags: MountFlag.readOnly,
    });
    expect(parseMountOptions(["relatime"])).to.include({ flags: MountFlag.relatime, recursiveFlags: 0 });
    expect(parseMountOptions(["rrelatime"]).recursiveFlags).to.equal(MountFlag.relatime);
  });

  it("refuses what needs more than mount(2) and drops other programs' comments", () => {
    for (const option of ["loop", "loop=/dev/loop0", "idmap", "uidmap=0:1:2"]) {
      expect(
        thrown(() => parseMountOptions([option])),
        option,
      ).to.equal("KATA_SYS_MOUNT_OPTION");
    }
    expect(parseMountOptions(["X-containerd.mkdir.path=/a", "x-systemd.automount", ""]).data).to.equal("");
  });

  it("hands every unknown option on unchanged and in order", () => {
    const unknown = fc
      .stringMatching(/^[a-z]{3,10}=[A-Za-z0-9/:._-]{0,20}$/)
      .filter((o) => !/^(loop|r?idmap|[ug]idmap)=/.test(o));
    fc.assert(
      fc.property(fc.array(unknown), (options) => {
        const parsed = parseMountOptions(["nodev", ...options, "noexec"]);
        expect(parsed.data).to.equal(options.join(","));
        expect(parsed.flags).to.equal(MountFlag.noDev | MountFlag.noExec);
      }),
    );
  });

  it("is not fooled by names of an object's own methods", () => {
    expect(parseMountOptions(["constructor", "__proto__"])).to.include({ flags: 0, data: "constructor,__proto__" });
  });
});
