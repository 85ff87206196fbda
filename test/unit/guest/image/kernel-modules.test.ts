import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import * as fc from "fast-check";
import { FileTree } from "../../../../guest/image/file-tree.js";
import {
  addModules,
  KernelModules,
  modulesAlias,
  modulesDep,
  parseModinfo,
} from "../../../../guest/image/kernel-modules.js";
import { moduleFile } from "./elf-fixture.js";
import { rejection, temporaryDirectory } from "./temporary-directory.js";

describe("kernel modules", () => {
  const directory = temporaryDirectory();

  /** A kernel with these modules, by their paths below `kernel/`. */
  function kernel(modules: Readonly<Record<string, Buffer>>, builtIn: readonly string[] = []): KernelModules {
    for (const [path, data] of Object.entries(modules)) {
      const target = join(directory.path, "kernel", path);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, data);
    }
    mkdirSync(join(directory.path, "kernel"), { recursive: true });
    writeFileSync(join(directory.path, "modules.builtin"), builtIn.map((path) => `kernel/${path}\n`).join(""));
    return new KernelModules(directory.path, "6.1.0-test");
  }

  const names = (modules: readonly { readonly name: string }[]): string[] => modules.map(({ name }) => name);

  it("reads what a module says of itself", () => {
    const section = Buffer.from("license=GPL\0depends=a,b\0parm=x:say a=b\0\0junk\0");
    expect(parseModinfo(section)).to.deep.equal([
      ["license", "GPL"],
      ["depends", "a,b"],
      ["parm", "x:say a=b"],
    ]);
  });

  it("puts each after what it depends on, once", async () => {
    const found = kernel({
      "drivers/virtio_ring.ko": moduleFile([]),
      "drivers/virtio.ko": moduleFile(["virtio_ring"]),
      "drivers/virtio_pci.ko": moduleFile(["virtio", "virtio_ring"]),
      "fs/fuse.ko": moduleFile([]),
      "fs/virtiofs.ko": moduleFile(["fuse", "virtio"]),
    });
    const ordered = await found.inLoadOrder(["virtio_pci", "virtiofs", "virtio"]);
    expect(names(ordered)).to.deep.equal(["virtio_ring", "virtio", "virtio_pci", "fuse", "virtiofs"]);
  });

  it("keeps that order for any graph", async () => {
    const graph = fc.array(fc.array(fc.nat({ max: 20 }), { maxLength: 4 }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(graph, fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 5 }), async (edges, wanted) => {
        const depends = edges.map((targets, index) => targets.filter((target) => target < index).map((t) => `m${t}`));
        const all = kernel(Object.fromEntries(depends.map((list, index) => [`m${index}.ko`, moduleFile(list)])));
        const ordered = await all.inLoadOrder(wanted.map((index) => `m${index % edges.length}`));
        const places = names(ordered);
        expect(new Set(places).size).to.equal(places.length);
        for (const [place, module] of ordered.entries()) {
          for (const name of module.depends) expect(places.indexOf(name)).to.be.within(0, place - 1);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("leaves out what is built into the kernel", async () => {
    const found = kernel({ "fs/x.ko": moduleFile(["ext4"]) }, ["fs/ext4/ext4.ko", "lib/crc-t10dif.ko"]);
    expect(names(await found.inLoadOrder(["x", "ext4", "crc_t10dif"]))).to.deep.equal(["x"]);
  });

  it("takes a hyphen for an underscore", async () => {
    const found = kernel({ "d/virtio-rng.ko": moduleFile([]) });
    expect(names(await found.inLoadOrder(["virtio_rng"]))).to.deep.equal(["virtio_rng"]);
    expect(found.matching("virtio-*")).to.deep.equal(["virtio_rng"]);
    expect(found.matching("virtio")).to.deep.equal([]);
  });

  it("unpacks a packed module", async () => {
    const data = moduleFile([]);
    const [module] = await kernel({ "d/a.ko.gz": gzipSync(data) }).inLoadOrder(["a"]);
    expect(module?.path).to.equal("kernel/d/a.ko");
    expect(module?.data.equals(data)).to.equal(true);
  });

  it("says which module the kernel lacks, and what needs it", async () => {
    const found = kernel({ "a.ko": moduleFile(["gone"]) });
    const error = await rejection(found.inLoadOrder(["a"]));
    expect(error).to.have.property("code", "KATA_GUEST_IMAGE_MODULE");
    expect(error).to.have.property("message").that.includes("no module gone").and.includes("the module a needs it");
  });

  it("refuses modules that depend on one another", async () => {
    const found = kernel({ "a.ko": moduleFile(["b"]), "b.ko": moduleFile(["a"]) });
    expect(await rejection(found.inLoadOrder(["a"]))).to.have.property("code", "KATA_GUEST_IMAGE_FORMAT");
  });

  it("writes the tables modprobe goes by, nearest dependency first", async () => {
    const found = kernel(
      {
        "d/ring.ko": moduleFile([]),
        "d/virtio.ko": moduleFile(["ring"]),
        "n/vsock.ko": moduleFile([], ["net-pf-40"]),
        "n/vsock_virtio.ko": moduleFile(["virtio", "ring", "vsock"], ["virtio:d00000013v*"]),
      },
      ["fs/ext4.ko"],
    );
    const ordered = await found.inLoadOrder(["vsock_virtio"]);
    const lines = modulesDep(ordered).split("\n");
    expect(lines).to.include("kernel/d/ring.ko:");
    expect(lines).to.include("kernel/d/virtio.ko: kernel/d/ring.ko");
    const last = lines.find((line) => line.startsWith("kernel/n/vsock_virtio.ko:"))?.split(" ") ?? [];
    expect(last.slice(1)).to.have.members(["kernel/d/virtio.ko", "kernel/d/ring.ko", "kernel/n/vsock.ko"]);
    // modprobe loads from the end of the line.
    expect(last.indexOf("kernel/d/ring.ko")).to.be.greaterThan(last.indexOf("kernel/d/virtio.ko"));
    expect(modulesAlias(ordered)).to.equal("alias net-pf-40 vsock\nalias virtio:d00000013v* vsock_virtio\n");

    const tree = new FileTree();
    addModules(tree, found, ordered);
    expect(tree.has("/usr/lib/modules/6.1.0-test/kernel/n/vsock.ko")).to.equal(true);
    const builtIn = tree.get("/usr/lib/modules/6.1.0-test/modules.builtin");
    expect(builtIn?.kind === "file" && builtIn.read().toString()).to.equal("kernel/fs/ext4.ko\n");
  });
});
