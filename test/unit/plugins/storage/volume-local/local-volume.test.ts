import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { LocalVolume } from "../../../../../src/plugins/storage/volume-local/local-volume.js";
import { matchLocal } from "../../../../../src/plugins/storage/volume-local/match.js";
import { FakeShareFs } from "../../../../../src/testing/fake-share-fs.js";
import { rejected, temporaryDirectory } from "../../../core/sys/fixture.js";
import { restOfRequest } from "../../../../support/rest-of-request.js";

describe("the volume local", () => {
  const directory = temporaryDirectory();
  let parent: string;

  beforeEach(() => {
    parent = join(directory.path, "kubernetes.io~empty-dir");
    mkdirSync(join(parent, "cache"), { recursive: true });
    chmodSync(join(parent, "cache"), 0o777);
  });

  const mountOf = (name: string) => ({
    destination: "/cache",
    type: "bind",
    source: join(parent, name),
    options: ["rbind"],
  });
  const make = (name: string): LocalVolume =>
    new LocalVolume({
      containerId: "c",
      sandboxId: "s",
      mount: mountOf(name),
      index: 1,
      shareFs: undefined,
      disks: undefined,
      ...restOfRequest,
    });

  it("takes volumes that begin empty where nothing is shared", () => {
    const mount = mountOf("cache");
    expect(matchLocal({ mount, shareFs: undefined })).to.be.above(0);
    expect(matchLocal({ mount, shareFs: new FakeShareFs() })).to.equal(0);
    for (const source of [parent, `${parent}/cache/below`, `${parent}/..`, "kubernetes.io~empty-dir/x"]) {
      expect(matchLocal({ mount: { ...mount, source }, shareFs: undefined }), source).to.equal(0);
    }
  });

  it("is a directory of the guest with the host's mode, one for the pod", async () => {
    const { storages, mounts } = await make("cache").prepare();
    const mountPoint = "/run/kata-containers/sandbox/local/cache";
    const [storage] = storages ?? [];
    expect(storage).to.deep.include({ driver: "local", source: "local", fstype: "local", mountPoint, shared: true });
    expect(storage?.options[0]).to.equal("mode=0777");
    expect(mounts).to.deep.equal([{ ...mountOf("cache"), source: mountPoint }]);
  });

  it("is an error for what is no directory", async () => {
    writeFileSync(join(parent, "file"), "");
    symlinkSync("/etc", join(parent, "link"));
    for (const name of ["file", "link", "missing"]) {
      expect(await rejected(() => make(name).prepare()), name).to.equal("KATA_VOLUME_LOCAL");
    }
  });
});
