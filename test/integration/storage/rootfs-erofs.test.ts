import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { checkLeaks } from "../../support/leaks.js";
import { dragonball, qemu } from "../../support/machine-kinds.js";
import { MachineShim, refusal } from "../../support/machine-shim.js";
import { makeBusyboxRootfs } from "../../support/rootfs.js";

const mib = 2 ** 20;

/** Mounts as containerd's erofs snapshotter gives them. */
const layer = (source: string) => ({ type: "erofs", source, target: "", options: ["ro", "loop"] });
const overlay = (...options: string[]) => ({ type: "format/mkdir/overlay", source: "overlay", target: "", options });
const hostUpper = ["workdir=/host/work", "upperdir=/host/fs"];

for (const { name, lines, needs } of [qemu, dragonball])
  describe(`root file systems of containerd's erofs snapshotter, in a machine of ${name}`, () => {
    let directory: string;
    let shim: MachineShim;
    let [base, top]: string[] = [];

    /** Makes a layer of a directory. */
    const makeLayer = (layerName: string, fill: (tree: string) => void): string => {
      const [tree, path] = [join(directory, layerName), join(directory, `${layerName}.erofs`)];
      mkdirSync(tree);
      fill(tree);
      execFileSync("mkfs.erofs", ["--quiet", path, tree]);
      return path;
    };

    before(async function () {
      await needs?.(this);
      directory = mkdtempSync(join(tmpdir(), "kata-ts-erofs-"));
      base = makeLayer("base", (tree) => {
        makeBusyboxRootfs(tree);
        for (const file of ["kept", "replaced", "removed"]) writeFileSync(join(tree, file), `${file} of the base\n`);
      });
      top = makeLayer("top", (tree) => {
        writeFileSync(join(tree, "replaced"), "replaced of the top\n");
        // What an overlay takes for a file that was removed.
        execFileSync("mknod", [join(tree, "removed"), "c", "0", "0"]);
      });
      shim = new MachineShim(lines);
    });
    after(() => {
      shim?.close();
      if (directory !== undefined) rmSync(directory, { recursive: true });
    });
    afterEach(() => shim.clear());
    checkLeaks(() => shim.leakScope);

    const run = async (id: string, rootfs: object[], script: string) => {
      const pod = { "container-type": id === "pod" ? "sandbox" : "container", "sandbox-id": "pod" };
      const annotations = Object.fromEntries(
        Object.entries(pod).map(([key, value]) => [`io.kubernetes.cri.${key}`, value]),
      );
      return shim.launch(id, ["sh", "-c", script], { annotations, request: { rootfs: rootfs as never } });
    };
    const output = async (id: string, rootfs: object[], script: string): Promise<string> => {
      const task = await run(id, rootfs, script);
      await task.wait({ id, execId: "" });
      return shim.output(id);
    };
    const two = () => [layer(top ?? ""), layer(base ?? "")];

    it("are layers over each other, written to in memory or on a disk, which containers of a pod share", async () => {
      const show = "cat /kept /replaced; ls /removed 2>&1; echo new >/written; cat /written; grep ' / ' /proc/mounts";
      const seen = /^kept of the base\nreplaced of the top\nls: \/removed: No such .*\nnew\noverlay \/ overlay rw,/;
      await run("pod", [...two(), overlay("lowerdir={{ overlay 0 1 }}", ...hostUpper)], `${show}; exec sleep 100000`);

      const writable = join(directory, "writable");
      writeFileSync(writable, "");
      truncateSync(writable, 16 * mib);
      execFileSync("mkfs.ext4", ["-q", "-F", writable]);
      const upper = { type: "ext4", source: writable, target: "", options: ["rw", "loop"] };
      const directories = ["upper", "work"].map((one) => `${one}dir={{ mount 0 }}/${one}`);
      const made = ["upper", "work"].map((one) => `X-containerd.mkdir.path={{ mount 0 }}/${one}:0755`);
      const onDisk = overlay(...made, ...directories, "lowerdir={{ overlay 1 2 }}");
      expect(await output("disk", [upper, ...two(), onDisk], `${show}; sync`)).to.match(seen);
      expect(shim.output("pod")).to.match(seen);
      await shim.remove("disk");
      const written = ["-R", "cat /upper/written", writable];
      expect(execFileSync("debugfs", written, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })).to.equal(
        "new\n",
      );
      expect(execFileSync("fsck.ext4", ["-f", "-n", writable], { encoding: "utf8", stdio: "pipe" })).to.include(
        "files",
      );

      const view = await output("view", [layer(base ?? "")], "touch /written; echo $?; grep ' / ' /proc/mounts");
      expect(view).to.match(/^1\n\/dev\/vd[b-z] \/ erofs ro,/);
      await shim.remove("view");

      const broken = join(directory, "broken.erofs");
      const bytes = Buffer.alloc(mib, 0xff);
      bytes.writeUInt32LE(0xe0f5e1e2, 1024);
      writeFileSync(broken, bytes);
      const refused = await refusal(run("broken", [layer(broken)], "true"));
      expect(refused.message).to.include("/run/kata-containers/layers/").and.include("EINVAL");
      // As many as no bridge of QEMU's has slots for; others have less room, and fill it more slowly.
      if (name === "qemu") {
        const many = Array.from({ length: 40 }, (_, index) => {
          const copy = join(directory, `many${index}`);
          copyFileSync(base ?? "", copy);
          return layer(copy);
        });
        const full = await refusal(
          run("many", [...many, overlay("lowerdir={{ overlay 0 39 }}", ...hostUpper)], "true"),
        );
        expect(full.message).to.include("slots of the machine's bridge for hotplug are taken");
      }
      const missing = join(directory, "missing");
      const gone = await refusal(run("gone", [layer(missing)], "true"));
      expect(gone.message).to.include(`the root file system of "gone": its mount 0 is erofs on ${missing}`);
      const served = shim.shim("pod");
      await shim.remove("pod");
      await shim.gone(served);
    });
  });
