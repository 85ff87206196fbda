import { expect } from "chai";
import { closeSync, linkSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { diskIdentity } from "../../../../src/core/disks/disk-identity.js";
import { temporaryDirectory } from "../sys/fixture.js";

describe("diskIdentity", () => {
  const directory = temporaryDirectory();

  it("is that of a file, by whatever name, and none where there is nothing", () => {
    const [file, other, link] = ["file", "other", "link"].map((name) => join(directory.path, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(file, "");
    writeFileSync(other, "");
    linkSync(file, link);
    expect(diskIdentity(file)).to.equal(diskIdentity(link)).and.not.equal(diskIdentity(other));
    expect(diskIdentity(join(directory.path, "none"))).to.equal(undefined);
  });

  it("is none of what is known by a descriptor, which goes with its process", () => {
    const path = join(directory.path, "file");
    const fd = openSync(path, "w");
    expect(diskIdentity(`/proc/${process.pid}/fd/${fd}`)).to.equal(undefined);
    closeSync(fd);
  });
});
