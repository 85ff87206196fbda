import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { OciSpec } from "../../../src/core/oci/spec.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { checkLeaks } from "../../support/leaks.js";
import { dragonball, qemu } from "../../support/machine-kinds.js";
import { MachineShim } from "../../support/machine-shim.js";
import { needsRoot } from "../../support/needs-root.js";

const mib = 2 ** 20;

for (const { name, lines, needs } of [qemu, dragonball])
  describe(`volumes that begin empty and are disks, in a machine of ${name}`, () => {
    const sys = createLinuxSys();
    let directory: string;
    let host: string;
    let volume: string;
    let shim: MachineShim | undefined;

    before(async function () {
      await needs?.(this);
      needsRoot(this);
      directory = mkdtempSync(join(tmpdir(), "kata-ts-empty-"));
      host = join(directory, "kubernetes.io~empty-dir");
      mkdirSync(host);
      await sys.mounts.mount({ source: "tmpfs", target: host, type: "tmpfs", data: "size=64m" });
      volume = join(host, "cache");
      mkdirSync(volume);
      const mode = ["[runtime]", 'emptydir_mode = "block-plain"'];
      // A table is said once.
      const said = lines.includes("[runtime]");
      shim = new MachineShim(said ? lines.flatMap((line) => (line === mode[0] ? mode : [line])) : [...lines, ...mode]);
      await launch("pod", "exec sleep 100000");
    });
    after(async () => {
      await shim?.end();
      if (host !== undefined) await sys.mounts.unmount(host, { detach: true });
      if (directory !== undefined) rmSync(directory, { recursive: true });
    });
    checkLeaks(() => shim?.leakScope ?? { marks: [] });

    const there = (): MachineShim => {
      if (shim === undefined) throw new Error("there is no shim");
      return shim;
    };
    const withVolume = (spec: OciSpec): OciSpec => ({
      ...spec,
      mounts: [
        ...(spec.mounts ?? []),
        { destination: "/cache", type: "bind", source: volume, options: ["rbind", "rw"] },
      ],
    });
    const launch = (id: string, script: string) => {
      const annotations = {
        "io.kubernetes.cri.container-type": id === "pod" ? "sandbox" : "container",
        "io.kubernetes.cri.sandbox-id": "pod",
      };
      return there().launch(id, ["sh", "-c", script], { annotations, ...(id !== "pod" && { change: withVolume }) });
    };
    const run = async (id: string, script: string): Promise<string> => {
      const task = await launch(id, script);
      await task.wait({ id, execId: "" });
      const output = there().output(id);
      await there().remove(id);
      return output;
    };
    /** Bytes that the host has of the disk. */
    const used = (): number => statSync(join(volume, "disk.img")).blocks * 512;

    it("are empty, like the host's directory, and have what was written for the next container", async () => {
      const said = await run(
        "one",
        "ls -A /cache; stat -c '%a %u %g' /cache; grep ' /cache ' /proc/mounts; echo of one >/cache/file",
      );
      expect(said).to.match(/^755 0 0\n\/dev\/vd[b-z] \/cache ext4 rw,.*discard/);
      expect(await run("two", "cat /cache/file")).to.equal("of one\n");
    });

    it("give back to the host what is deleted in them", async () => {
      const before = used();
      const [written, deleted] = [
        "dd if=/dev/urandom of=/cache/much bs=1M count=16 2>/dev/null && sync",
        "rm /cache/much && sync",
      ];
      await run("writes", written);
      expect(used() - before).to.be.above(15 * mib);
      await run("deletes", deleted);
      expect(used() - before).to.be.below(4 * mib);
    });

    it("fail what is written when the host has no room, and their containers go on and end", async () => {
      const filler = join(host, "filler");
      const { availableBytes } = sys.files.statfs(host);
      writeFileSync(filler, Buffer.alloc(availableBytes - mib));
      const script = "dd if=/dev/urandom of=/cache/more bs=1M count=16 conv=fsync 2>&1; echo status $?";
      expect(await run("full", script)).to.match(
        /(I\/O error|Input\/output error|Read-only file system)[^]*status [1-9]/,
      );
      rmSync(filler);
      expect(await run("after", "echo lives")).to.equal("lives\n");
    });

    const killShim = async (): Promise<void> => {
      const served = there().shim("pod");
      process.kill(served.pid, "SIGKILL");
      await there().gone(served);
    };

    if (name === qemu.name) {
      it("are had when another shim has gone on with their pod, end with it, and leave nothing", async () => {
        await launch("holds", "echo of holds >/cache/file; exec sleep 100000");
        await killShim();
        const { status, stderr } = await there().start("pod");
        expect(status, stderr).to.equal(0);
        expect(await run("later", "cat /cache/file")).to.equal("of holds\n");
        await there().remove("holds");
        const served = there().shim("pod");
        await there().remove("pod");
        await there().gone(served);
        expect(readdirSync(volume)).to.deep.equal([]);
      });
    } else {
      it("end when their pod is cleaned up after its shim, and the machine with it, was killed", async () => {
        expect(readdirSync(volume)).to.deep.equal(["disk.img"]);
        await killShim();
        await there().delete("pod");
        expect(readdirSync(volume)).to.deep.equal([]);
      });
    }
  });
