import { expect } from "chai";
import type { OciMount } from "../../../../../src/core/oci/spec.js";
import { matchSystem } from "../../../../../src/plugins/storage/volume-system/match.js";
import { SystemVolume } from "../../../../../src/plugins/storage/volume-system/system-volume.js";
import { restOfRequest } from "../../../../support/rest-of-request.js";

const score = (mount: OciMount): number => matchSystem({ mount });

describe("the volume system", () => {
  it("takes the kernel's file systems", () => {
    for (const type of ["proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2"])
      expect(score({ destination: "/anywhere", type, source: type }), type).to.be.above(0);
  });

  it("takes a bind of one part of the system to another, and nothing of the host's files", () => {
    const bind = (source: string, destination: string): number =>
      score({ source, destination, type: "bind", options: ["rbind"] });
    expect(bind("/sys/fs/cgroup", "/sys/fs/cgroup")).to.be.above(0);
    expect(bind("/dev", "/dev")).to.be.above(0);
    expect(bind("/proc", "/proc")).to.be.above(0);
    expect(bind("/var/lib/lxcfs/proc/cpuinfo", "/proc/cpuinfo")).to.equal(0);
    expect(bind("/sys", "/host/sys")).to.equal(0);
    expect(bind("/data", "/systemd")).to.equal(0);
    expect(bind("/proceeds", "/proc")).to.equal(0);
    expect(bind("/dev/sda", "/dev/sda")).to.equal(0);
  });

  it("takes neither disks nor the network's file systems", () => {
    for (const type of ["ext4", "nfs", "overlay", "fuse", ""])
      expect(score({ destination: "/x", type }), type).to.equal(0);
  });

  it("leaves the mount as it is", async () => {
    const mount: OciMount = { destination: "/proc", type: "proc", source: "proc", options: ["nosuid"] };
    const request = {
      containerId: "c",
      sandboxId: "s",
      mount,
      index: 0,
      shareFs: undefined,
      disks: undefined,
      ...restOfRequest,
    };
    const volume = new SystemVolume(request);
    expect(await volume.prepare()).to.deep.equal({ mounts: [mount] });
    await volume.cleanup();
  });
});
