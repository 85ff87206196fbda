import { existsSync, mkdirSync, readdirSync, readlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { ImageCache } from "../../../../guest/image/cache.js";
import { currentGuestImage } from "../../../../guest/image/current.js";
import { formatVersion } from "../../../../guest/image/format.js";
import { temporaryDirectory } from "./temporary-directory.js";

const hashes = ["a", "b", "c", "d", "e"].map((digit) => digit.repeat(64));

function manifest(hash: string): string {
  const fields = { kernelRelease: "6.1", architecture: "x64", nodeVersion: "v20", kernelParams: ["ro"], packages: [] };
  return JSON.stringify({ format: formatVersion, hash, files: {}, ...fields });
}

describe("ImageCache", () => {
  const directory = temporaryDirectory();

  function cacheWith(...entries: readonly string[]): ImageCache {
    const cache = new ImageCache(directory.path);
    cache.create();
    for (const [index, hash] of entries.entries()) {
      const work = join(cache.workDirectory(), "entry");
      mkdirSync(work);
      writeFileSync(join(work, "manifest.json"), manifest(hash));
      cache.publish(work, hash);
      utimesSync(cache.entry(hash), index, index);
    }
    return cache;
  }

  const [a = "", b = "", c = "", d = ""] = hashes;

  it("has an entry once it is published, and finds the selected one", () => {
    const cache = cacheWith(a, b);
    expect(cache.has(a)).to.equal(true);
    expect(cache.has(c)).to.equal(false);
    expect(currentGuestImage(directory.path)).to.equal(undefined);
    cache.select(a);
    cache.select(b);
    expect(readlinkSync(join(directory.path, "current"))).to.equal(b);
    const image = currentGuestImage(directory.path);
    expect(image?.image).to.equal(join(directory.path, b, "image"));
    expect(image?.manifest.kernelParams).to.deep.equal(["ro"]);
  });

  it("takes the place of a directory that is no entry", () => {
    mkdirSync(join(directory.path, a));
    writeFileSync(join(directory.path, a, "image"), "half");
    const cache = cacheWith(a);
    expect(readdirSync(cache.entry(a))).to.deep.equal(["manifest.json"]);
  });

  it("removes what a crashed build left", () => {
    const cache = cacheWith();
    const left = cache.workDirectory();
    writeFileSync(join(left, "image"), "half");
    const next = cache.workDirectory();
    expect(existsSync(left)).to.equal(false);
    expect(existsSync(next)).to.equal(true);
  });

  it("keeps the current entry and the two built last, and the packages in use", () => {
    const cache = cacheWith(a, b, c, d);
    const used = join(cache.packages, "used_1");
    for (const path of [used, join(cache.packages, "old_1")]) mkdirSync(path);
    cache.select(a);
    cache.prune([used, "/"]);
    expect(hashes.filter((hash) => cache.has(hash))).to.deep.equal([a, c, d]);
    expect(readdirSync(cache.packages)).to.deep.equal(["used_1"]);
  });

  it("says that an entry cannot be used, and what to do", () => {
    const cache = cacheWith(a, b);
    writeFileSync(join(cache.entry(a), "manifest.json"), "{");
    writeFileSync(join(cache.entry(b), "manifest.json"), manifest(a));
    for (const hash of [a, b, c]) {
      expect(() => cache.manifest(hash))
        .to.throw("build it again")
        .with.property("code", "KATA_GUEST_IMAGE_BROKEN");
    }
  });
});
