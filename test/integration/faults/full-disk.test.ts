import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { codeOf } from "../../../src/core/errors/error.js";
import { execRequest, MachineShim, refusal } from "../../support/machine-shim.js";
import { expectNoLeaks } from "../../support/leaks.js";
import { podAnnotations } from "../../support/shim.js";
import { skip } from "../../support/skip.js";

/** Bytes of a page, in which a tmpfs counts. */
const page = 4096;

/** A run root on a small file system of its own, to be filled. */
class SmallDisk {
  readonly #filler: string;
  #mounted = true;

  constructor(readonly path: string) {
    mkdirSync(path, { mode: 0o711 });
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k,nr_inodes=64,mode=711", "small", path]);
    this.#filler = join(path, ".filler");
  }

  /** Takes all bytes there are, and unless told otherwise all inodes too. */
  exhaust({ inodes = true } = {}): void {
    mkdirSync(this.#filler);
    let count = 0;
    for (const bytes of inodes ? [page, 0] : [page]) {
      for (;;) {
        try {
          writeFileSync(join(this.#filler, String(count++)), Buffer.alloc(bytes));
        } catch (error) {
          expect(codeOf(error)).to.equal("ENOSPC");
          break;
        }
      }
    }
  }

  free(): void {
    rmSync(this.#filler, { recursive: true, force: true });
  }

  /** Unmounts it, once however often it is called. */
  close(): void {
    if (this.#mounted) execFileSync("umount", ["--lazy", this.path]);
    this.#mounted = false;
  }
}

describe("a full disk under the run directory", () => {
  let shim: MachineShim;
  let disk: SmallDisk;
  before(function () {
    if (process.getuid?.() !== 0) skip(this, "mounting needs root");
  });
  beforeEach(() => {
    shim = new MachineShim();
    disk = new SmallDisk(shim.roots.run);
  });
  afterEach("nothing is left", async () => {
    try {
      disk.free();
      expect(shim.leftovers()).to.deep.equal([]);
      disk.close();
      await expectNoLeaks(new Set(), shim.leakScope);
    } finally {
      // What is to be cleared is known from what is on the disk.
      await shim.clear();
      disk.close();
      shim.close();
    }
  });

  for (const inodes of [true, false]) {
    it(`before the shim is started: it is not (${inodes ? "no inode" : "no byte"} is left)`, async () => {
      disk.exhaust({ inodes });
      shim.specify("c1", ["true"]);
      const { status, stdout, stderr } = await shim.start("c1");
      expect({ status, stdout }).to.deep.equal({ status: 1, stdout: "" });
      expect(stderr)
        .to.match(/^containerd-shim-kata-ts-v2: cannot write .*ENOSPC/)
        .and.include(shim.roots.run);
      expect(readdirSync(shim.roots.run)).to.deep.equal([".filler"]);
    });

    it(`before a container is created: it is not, and can be later (${inodes ? "no inode" : "no byte"} is left)`, async () => {
      shim.specify("c1", ["sleep", "1000"]);
      const task = await shim.connect("c1");
      disk.exhaust({ inodes });
      const refused = await refusal(task.create(shim.createRequest("c1")));
      expect(refused).to.include({ status: "RESOURCE_EXHAUSTED" });
      expect(refused.message)
        .to.match(/^cannot (make|write) /)
        .and.include("ENOSPC")
        .and.include(`${shim.roots.run}/test/c1`);
      expect(readdirSync(shim.roots.run)).to.have.members([".filler", ".shim"]);
      disk.free();
      if (inodes) {
        await task.create(shim.createRequest("c1"));
        await shim.remove("c1");
      } else await task.shutdown({ id: "c1", now: false });
    });
  }

  it("while a container runs: it goes on, and ends as ever; another is refused", async () => {
    const task = await shim.launch("pod", ["sleep", "1000"], { annotations: podAnnotations("sandbox", "pod") });
    const process = shim.shim("pod");
    disk.exhaust();
    await task.exec(execRequest("pod", "e", ["sh", "-c", "exit 5"]));
    await task.start({ id: "pod", execId: "e" });
    expect((await task.wait({ id: "pod", execId: "e" })).exitStatus).to.equal(5);
    await task.delete({ id: "pod", execId: "e" });

    shim.specify("c1", ["true"], { annotations: podAnnotations("container", "pod") });
    const refused = await refusal((await shim.connect("c1")).create(shim.createRequest("c1")));
    expect(refused).to.include({ status: "RESOURCE_EXHAUSTED" });
    expect(refused.message).to.match(/^cannot share .* as "c1\/rootfs": there is no room left in /);
    expect(refused.message).to.include(`${shim.roots.run}/shared/test@pod`);

    await shim.remove("pod");
    await shim.gone(process);
    expect(shim.events.topics("pod").filter((topic) => !topic.startsWith("exec"))).to.deep.equal([
      "create",
      "start",
      "exit",
      "exit",
      "delete",
    ]);
  });
});
