import { execFileSync } from "node:child_process";
import { mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import * as fc from "fast-check";
import { readElfLinks } from "../../../../guest/image/elf.js";
import { sharedLibraries } from "../../../../guest/image/shared-libraries.js";
import { skip } from "../../../support/skip.js";
import { elfFile } from "./elf-fixture.js";
import { temporaryDirectory } from "./temporary-directory.js";

describe("readElfLinks", () => {
  it("finds the interpreter, the libraries and where they are looked for", () => {
    const file = elfFile({ interpreter: "/lib64/ld.so", needed: ["liba.so.1", "libb.so"], runpath: "$ORIGIN/x:/opt" });
    expect(readElfLinks(file, "f")).to.deep.equal({
      interpreter: "/lib64/ld.so",
      needed: ["liba.so.1", "libb.so"],
      searchPaths: ["$ORIGIN/x", "/opt"],
    });
  });

  it("survives a file that is broken anywhere", () => {
    const file = elfFile({ interpreter: "/lib64/ld.so", needed: ["liba.so.1"] });
    fc.assert(
      fc.property(
        fc.nat({ max: file.length - 1 }),
        fc.nat({ max: 255 }),
        fc.nat({ max: file.length }),
        (at, byte, end) => {
          const broken = Buffer.from(file);
          broken[at] = byte;
          try {
            readElfLinks(broken.subarray(0, end), "broken");
          } catch (error) {
            expect(error).to.have.property("code", "KATA_GUEST_IMAGE_FORMAT");
          }
        },
      ),
    );
  });
});

describe("sharedLibraries", () => {
  const directory = temporaryDirectory();

  function put(path: string, parts: Parameters<typeof elfFile>[0]): string {
    const target = join(directory.path, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, elfFile(parts));
    return target;
  }

  const search = (): { roots: string[]; multiarch: string } => ({
    roots: [join(directory.path, "unpacked"), join(directory.path, "root")],
    multiarch: "m",
  });

  it("follows what libraries need in turn, each once, unpacked packages before the machine", () => {
    const source = put("root/usr/bin/p", { interpreter: "/lib64/ld.so", needed: ["a.so", "b.so"] });
    put("root/lib64/ld.so", {});
    const a = put("unpacked/usr/lib/m/a.so", { needed: ["c.so", "ld.so"] });
    put("root/usr/lib/m/a.so", {});
    put("root/lib/m/b.so", { needed: ["a.so"] });
    put("root/opt/c.so", {});
    put("root/usr/lib/c.so", { needed: ["b.so"] });
    const found = sharedLibraries([{ path: "/usr/bin/p", source }], search());
    expect(found.map(({ path }) => path)).to.deep.equal([
      "/lib64/ld.so",
      "/usr/lib/m/a.so",
      "/lib/m/b.so",
      "/usr/lib/c.so",
    ]);
    expect(found[1]?.source).to.equal(a);
  });

  it("honours a file's own directories", () => {
    const source = put("root/opt/p/bin/p", { needed: ["a.so"], runpath: "$ORIGIN/../lib" });
    put("root/opt/p/lib/a.so", {});
    put("root/lib/m/a.so", {});
    const found = sharedLibraries([{ path: "/opt/p/bin/p", source }], search());
    expect(found.map(({ path }) => path)).to.deep.equal(["/opt/p/lib/a.so"]);
  });

  it("says which library is nowhere, and who needs it", () => {
    const source = put("root/p", { needed: ["gone.so.6"] });
    const call = (): unknown => sharedLibraries([{ path: "/p", source }], search());
    expect(call)
      .to.throw(`${source} needs the shared library gone.so.6`)
      .with.property("code", "KATA_GUEST_IMAGE_LIBRARY");
  });

  it("passes over what is no ELF file", () => {
    const source = join(directory.path, "script");
    writeFileSync(source, "#!/bin/sh\n");
    expect(sharedLibraries([{ path: "/script", source }], search())).to.deep.equal([]);
  });

  it("finds for this node what ldd finds", function () {
    let listing: string;
    try {
      listing = execFileSync("ldd", [process.execPath], { encoding: "utf8" });
    } catch {
      skip(this, "ldd does not run here");
    }
    const expected = [...listing.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => realpathSync(path));
    const multiarch = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
    const node = { path: "/usr/bin/node", source: process.execPath };
    const found = sharedLibraries([node], { roots: ["/"], multiarch }).map(({ source }) => realpathSync(source));
    expect(found.sort()).to.deep.equal([...new Set(expected)].sort());
  });
});
