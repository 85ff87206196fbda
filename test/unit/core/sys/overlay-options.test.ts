import { expect } from "chai";
import fc from "fast-check";
import { join } from "node:path";
import { relativeOverlay } from "../../../../src/core/sys/overlay-options.js";

describe("overlay with relative layers", () => {
  it("cuts what all layers have in common", () => {
    const data = "index=off,workdir=/s/9/work,upperdir=/s/9/fs,lowerdir=/s/snapshots/8/fs:/s/snapshots/7/fs";
    expect(relativeOverlay(data)).to.deep.equal({
      directory: "/s/snapshots",
      data: "index=off,workdir=/s/9/work,upperdir=/s/9/fs,lowerdir=8/fs:7/fs",
    });
  });

  it("keeps escaped colons with their layer", () => {
    expect(relativeOverlay("lowerdir=/a/b\\:c:/a/d")).to.deep.equal({ directory: "/a", data: "lowerdir=b\\:c:d" });
  });

  it("has nothing to give without layers, a common directory, or absolute paths", () => {
    for (const data of ["", "upperdir=/a", "lowerdir=/a:/b", "lowerdir=a:b", "lowerdir=/a/b::/a/c"]) {
      expect(relativeOverlay(data), data).to.equal(undefined);
    }
  });

  it("names the same layers, seen from the directory", () => {
    const name = fc.stringMatching(/^[a-z0-9]{1,4}$/);
    const layer = fc.array(name, { minLength: 2, maxLength: 4 }).map((parts) => `/${parts.join("/")}`);
    fc.assert(
      fc.property(fc.array(layer, { minLength: 1, maxLength: 6 }), name, (layers, top) => {
        const absolute = layers.map((l) => `/${top}${l}`);
        const short = relativeOverlay(`lowerdir=${absolute.join(":")}`);
        const relative = short?.data.slice("lowerdir=".length).split(":") ?? [];
        expect(relative.map((r) => join(short?.directory ?? "", r))).to.deep.equal(absolute);
        expect(relative.every((r) => r !== "" && !r.startsWith("/"))).to.equal(true);
      }),
    );
  });
});
