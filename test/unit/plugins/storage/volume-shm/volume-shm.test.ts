import { expect } from "chai";
import fc from "fast-check";
import type { OciMount } from "../../../../../src/core/oci/spec.js";
import { matchShm } from "../../../../../src/plugins/storage/volume-shm/match.js";
import { sizeOption } from "../../../../../src/plugins/storage/volume-shm/shm-size.js";
import { ShmVolume } from "../../../../../src/plugins/storage/volume-shm/shm-volume.js";
import { matchSystem } from "../../../../../src/plugins/storage/volume-system/match.js";
import { fakeSys } from "../../../../../src/testing/fake-sys.js";
import { restOfRequest } from "../../../../support/rest-of-request.js";

describe("the volume shm", () => {
  const tmpfs: OciMount = { destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["nosuid", "size=65536k"] };
  const optionsOf = async (mount: OciMount, sys = fakeSys()): Promise<readonly string[]> => {
    const request = {
      containerId: "c",
      sandboxId: "s",
      mount,
      index: 3,
      shareFs: undefined,
      disks: undefined,
      ...restOfRequest,
    };
    const { storages } = await new ShmVolume(sys, request).prepare();
    return storages?.[0]?.options ?? [];
  };

  it("takes /dev/shm before anyone else, but not a volume of the pod that is mounted there", () => {
    expect(matchShm({ mount: tmpfs })).to.be.above(matchSystem({ mount: tmpfs }));
    expect(matchShm({ mount: { ...tmpfs, destination: "/dev/shm/" } })).to.be.above(0);
    expect(matchShm({ mount: { ...tmpfs, destination: "/dev/shm2" } })).to.equal(0);
    const source = "/var/lib/kubelet/pods/x/volumes/kubernetes.io~empty-dir/mem";
    expect(matchShm({ mount: { ...tmpfs, type: "bind", source } })).to.equal(0);
  });

  it("is one tmpfs of the guest for all containers, bound into each", async () => {
    const request = {
      containerId: "c",
      sandboxId: "s",
      mount: tmpfs,
      index: 3,
      shareFs: undefined,
      disks: undefined,
      ...restOfRequest,
    };
    const path = "/run/kata-containers/sandbox/shm";
    expect(await new ShmVolume(fakeSys(), request).prepare()).to.deep.equal({
      storages: [
        {
          driver: "ephemeral",
          source: "shm",
          fstype: "tmpfs",
          options: ["noexec", "nosuid", "nodev", "mode=1777", "size=67108864"],
          mountPoint: path,
          shared: true,
        },
      ],
      mounts: [{ destination: "/dev/shm", type: "bind", source: path, options: ["rbind"] }],
    });
  });

  it("is as large as the mount says, or as the host's tmpfs, else 64 MiB", async () => {
    expect(await optionsOf({ ...tmpfs, options: ["size=1m", "size=2g"] })).to.include("size=2147483648");
    expect(await optionsOf({ ...tmpfs, options: [] })).to.include("size=67108864");
    expect(await optionsOf({ ...tmpfs, options: ["size=0"] })).to.include("size=67108864");
    const bind: OciMount = { destination: "/dev/shm", type: "bind", source: "/run/pod/shm", options: ["rbind"] };
    const sys = fakeSys();
    const info = {
      type: 0x01021994,
      blockSize: 4096,
      totalBytes: 12_345_344,
      freeBytes: 0,
      availableBytes: 0,
      totalFiles: 0,
      freeFiles: 0,
    };
    sys.answer("files", "statfs", () => info);
    expect(await optionsOf(bind, sys)).to.include("size=12345344");
    sys.answer("files", "statfs", () => ({ ...info, type: 0xef53 }));
    expect(await optionsOf(bind, sys)).to.include("size=67108864");
    sys.fail("files", "statfs", "ENOENT");
    expect(await optionsOf(bind, sys)).to.include("size=67108864");
  });

  it("reads sizes as tmpfs does", () => {
    fc.assert(
      fc.property(fc.nat({ max: 1_000_000 }), fc.constantFrom("", "k", "K", "m", "M", "g", "G"), (count, unit) => {
        const factor = { "": 0n, k: 10n, m: 20n, g: 30n }[unit.toLowerCase() as "" | "k" | "m" | "g"];
        expect(sizeOption([`size=${count}${unit}`])).to.equal(BigInt(count) << factor);
      }),
    );
    expect(sizeOption(["size=50%"])).to.equal(undefined);
    expect(sizeOption(["size=-1"])).to.equal(undefined);
    expect(sizeOption(["size=9".padEnd(40, "9")])).to.equal(undefined);
  });
});
