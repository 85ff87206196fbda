import { expect } from "chai";
import type { OciMount } from "../../../../../src/core/oci/spec.js";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import {
  type HostHugePages,
  hostHugePages,
} from "../../../../../src/plugins/storage/volume-hugepages/host-huge-pages.js";
import {
  HugePagesVolume,
  pageSizeName,
} from "../../../../../src/plugins/storage/volume-hugepages/huge-pages-volume.js";
import { matchHugePages } from "../../../../../src/plugins/storage/volume-hugepages/match.js";
import { matchSharedBind } from "../../../../../src/plugins/storage/volume-shared-bind/match.js";
import { FakeShareFs } from "../../../../../src/testing/fake-share-fs.js";
import { rejected } from "../../../core/sys/fixture.js";
import { restOfRequest } from "../../../../support/rest-of-request.js";

const mib = 2 ** 20;
const source = "/var/lib/kubelet/pods/x/volumes/kubernetes.io~empty-dir/huge";
const mount: OciMount = { destination: "/huge", type: "bind", source, options: ["rbind"] };
const pages: HostHugePages = { pageBytes: 2 * mib, bytes: undefined, gid: 0, mode: 0o755 };

describe("the volume hugepages", () => {
  const make = (found: HostHugePages | undefined, hugePageLimits: { pageSize: string; limit: number }[] = []) =>
    new HugePagesVolume(
      {
        containerId: "c",
        sandboxId: "s",
        mount,
        index: 1,
        shareFs: undefined,
        disks: undefined,
        ...restOfRequest,
        hugePageLimits,
      },
      () => found,
    );

  it("takes binds of file systems of huge pages, before those are shared", () => {
    const score = (one: OciMount, found: HostHugePages | undefined = pages) =>
      matchHugePages({ mount: one }, () => found);
    expect(score(mount)).to.be.above(matchSharedBind({ mount, shareFs: new FakeShareFs() }));
    expect(matchHugePages({ mount }, () => undefined)).to.equal(0);
    for (const other of [
      { ...mount, source: "relative" },
      { ...mount, type: "hugetlbfs", options: [] },
    ]) {
      expect(score(other)).to.equal(0);
    }
    for (const path of ["/dev/shm", "/proc", "/nowhere", "/etc/passwd/x"]) {
      expect(hostHugePages(createLinuxSys(), path), path).to.equal(undefined);
    }
  });

  it("is as large as the host's, or as the container's limit", async () => {
    const limits = [
      { pageSize: "1GB", limit: 1 },
      { pageSize: "2MB", limit: 6 * mib },
    ];
    const optionsOf = async (volume: HugePagesVolume) => (await volume.prepare()).storages?.[0]?.options;
    expect(await optionsOf(make(pages, limits))).to.deep.equal(["pagesize=2097152", "size=6291456", "mode=755"]);
    expect(await optionsOf(make({ ...pages, bytes: 4 * mib, gid: 7 }, limits))).to.deep.equal([
      "pagesize=2097152",
      "size=4194304",
      "mode=755",
      "fsgid=7",
    ]);
    const { storages, mounts } = await make({ ...pages, bytes: 4 * mib }).prepare();
    expect(storages?.[0]).to.include({ driver: "ephemeral", fstype: "hugetlbfs", shared: true });
    expect(mounts?.[0]?.source).to.equal(storages?.[0]?.mountPoint);
  });

  it("is an error when nobody says how large it is, or it is gone", async () => {
    expect(await rejected(() => make(pages, [{ pageSize: "1GB", limit: 5 }]).prepare())).to.equal(
      "KATA_VOLUME_HUGE_SIZE",
    );
    expect(await rejected(() => make(undefined).prepare())).to.equal("KATA_VOLUME_HUGE_GONE");
  });

  it("names sizes as the runtime specification does", () => {
    expect([65536, 2 * mib, 32 * mib, 2 ** 30, 16 * 2 ** 30].map(pageSizeName)).to.deep.equal([
      "64KB",
      "2MB",
      "32MB",
      "1GB",
      "16GB",
    ]);
  });
});
