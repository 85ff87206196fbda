import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import type { OciMount } from "../../../../../src/core/oci/spec.js";
import { EphemeralVolume } from "../../../../../src/plugins/storage/volume-ephemeral/ephemeral-volume.js";
import { type HostMemory, hostMemory } from "../../../../../src/plugins/storage/volume-ephemeral/host-memory.js";
import { matchEphemeral } from "../../../../../src/plugins/storage/volume-ephemeral/match.js";
import { matchSharedBind } from "../../../../../src/plugins/storage/volume-shared-bind/match.js";
import { matchShm } from "../../../../../src/plugins/storage/volume-shm/match.js";
import { FakeShareFs } from "../../../../../src/testing/fake-share-fs.js";
import { rejected, temporaryDirectory } from "../../../core/sys/fixture.js";
import { restOfRequest } from "../../../../support/rest-of-request.js";

const source = "/var/lib/kubelet/pods/x/volumes/kubernetes.io~empty-dir/cache";
const bind: OciMount = { destination: "/cache", type: "bind", source, options: ["rbind", "rprivate", "ro"] };
const memory: HostMemory = { bytes: 65536, gid: 0, mode: 0o777 };

describe("the volume ephemeral", () => {
  const directory = temporaryDirectory();
  const make = (mount: OciMount, found: HostMemory | undefined): EphemeralVolume => {
    const request = {
      containerId: "c",
      sandboxId: "s",
      mount,
      index: 3,
      shareFs: undefined,
      disks: undefined,
      ...restOfRequest,
    };
    return new EphemeralVolume(request, () => found);
  };

  it("takes empty volumes that are in memory, before they are shared", () => {
    const score = (mount: OciMount, found: HostMemory | undefined = memory) => matchEphemeral({ mount }, () => found);
    expect(score(bind)).to.be.above(matchSharedBind({ mount: bind, shareFs: new FakeShareFs() }));
    expect(matchShm({ mount: { ...bind, destination: "/dev/shm" } })).to.equal(0);
    expect(matchEphemeral({ mount: bind }, () => undefined)).to.equal(0);
    for (const other of [
      "/var/lib/x/kubernetes.io~empty-dir",
      `${source}/below`,
      "relative/kubernetes.io~empty-dir/x",
      "/kubernetes.io~empty-dir/..",
    ]) {
      expect(score({ ...bind, source: other }), other).to.equal(0);
    }
    expect(score({ ...bind, type: "tmpfs", options: [] })).to.equal(0);
  });

  it("is a tmpfs of the guest, one for the pod, as large as the host's and for its group", async () => {
    const mountPoint = "/run/kata-containers/sandbox/ephemeral/cache";
    const storage = { driver: "ephemeral", source: "tmpfs", fstype: "tmpfs", mountPoint, shared: true };
    expect(await make(bind, memory).prepare()).to.deep.equal({
      storages: [{ ...storage, options: ["size=65536", "mode=777"] }],
      mounts: [{ ...bind, source: mountPoint }],
    });
    const { storages } = await make(bind, { ...memory, gid: 2000, mode: 0o2770 }).prepare();
    expect(storages).to.deep.equal([{ ...storage, options: ["size=65536", "mode=2770", "fsgid=2000"] }]);
  });

  it("is an error when the memory has gone meanwhile", async () => {
    expect(await rejected(() => make(bind, undefined).prepare())).to.equal("KATA_VOLUME_NO_MEMORY");
  });

  it("knows a mount of memory from a directory in memory, and from none", () => {
    const sys = createLinuxSys();
    const { bytes = 0, mode } = hostMemory(sys, "/dev/shm") ?? {};
    expect(bytes).to.be.above(0);
    expect(mode).to.equal(0o1777);
    const below = join(directory.path, "below");
    mkdirSync(below);
    for (const path of [below, "/proc", join(below, "missing")])
      expect(hostMemory(sys, path), path).to.equal(undefined);
  });
});
