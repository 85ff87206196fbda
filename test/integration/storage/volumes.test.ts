import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { OciMount, OciSpec } from "../../../src/core/oci/spec.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { volumeName } from "../../../src/plugins/storage/volume-direct/mount-info.js";
import { defaultRoots } from "../../../src/core/runtime/roots.js";
import { checkLeaks } from "../../support/leaks.js";
import { dragonball, qemu } from "../../support/machine-kinds.js";
import { MachineShim, privileged, refusal } from "../../support/machine-shim.js";
import { needsRoot } from "../../support/needs-root.js";

const mib = 2 ** 20;

for (const { name, lines, needs } of [qemu, dragonball])
  describe(`volumes of a pod in a machine of ${name}`, () => {
    const sys = createLinuxSys();
    let directory: string;
    let huge: string;
    let shim: MachineShim;
    const said: string[] = [];

    before(async function () {
      await needs?.(this);
      needsRoot(this);
      directory = mkdtempSync(join(tmpdir(), "kata-ts-volumes-"));
      huge = join(directory, "kubernetes.io~empty-dir/huge");
      mkdirSync(huge, { recursive: true });
      await sys.mounts.mount({
        source: "nodev",
        target: huge,
        type: "hugetlbfs",
        data: "pagesize=2M,mode=0770,gid=2000",
      });
      shim = new MachineShim(lines);
      await run("pod", "exec sleep 100000");
    });
    after(async () => {
      await shim?.end();
      for (const path of said) rmSync(path, { recursive: true, force: true });
      if (huge !== undefined) await sys.mounts.unmount(huge, { detach: true });
      if (directory !== undefined) rmSync(directory, { recursive: true });
    });
    checkLeaks(() => shim.leakScope);

    const launch = (id: string, script: string, mounts: readonly OciMount[], more: Partial<OciSpec["linux"]> = {}) =>
      shim.launch(id, ["sh", "-c", script], {
        annotations: {
          "io.kubernetes.cri.container-type": id === "pod" ? "sandbox" : "container",
          "io.kubernetes.cri.sandbox-id": "pod",
        },
        change: (spec: OciSpec) => {
          const all = privileged({ ...spec, mounts: [...(spec.mounts ?? []), ...mounts] });
          return { ...all, linux: { ...all.linux, ...more } };
        },
      });

    /** Runs a container of the pod to its end and gives its output. */
    const run = async (id: string, script: string, mounts: OciMount[] = [], more: Partial<OciSpec["linux"]> = {}) => {
      const task = await launch(id, script, mounts, more);
      if (id === "pod") return "";
      await task.wait({ id, execId: "" });
      const output = shim.output(id);
      await shim.remove(id);
      return output;
    };

    const bind = (source: string, ...options: string[]): OciMount => ({
      destination: "/data",
      type: "bind",
      source,
      options: ["rbind", ...options],
    });

    /** Says of a path that it is a disk, as a CSI driver does. */
    const assign = (path: string, info: object): void => {
      const place = join(defaultRoots.directVolumes, volumeName(path));
      mkdirSync(place, { recursive: true, mode: 0o755 });
      said.push(place);
      writeFileSync(
        join(place, "mountInfo.json"),
        JSON.stringify({ "volume-type": "directvol", fstype: "ext4", ...info }),
      );
    };

    const image = (file: string): string => {
      const path = join(directory, file);
      writeFileSync(path, Buffer.alloc(8 * mib));
      execFileSync("mkfs.ext4", ["-q", "-F", path]);
      return path;
    };

    it("are disks that a CSI driver has assigned, one for all containers and for their group", async () => {
      const source = join(directory, "pvc/mount");
      const device = image("assigned");
      assign(source, { device, metadata: { fsGroup: "3000" }, options: ["noatime"] });
      await launch("holds", "touch /data/ready; exec sleep 100000", [bind(source)]);
      expect(
        await run("joins", "stat -c '%g %a' /data; grep ' /data ' /proc/mounts; ls /data; echo of one >/data/file", [
          bind(source),
        ]),
      ).to.match(/^3000 2775\n\/dev\/vdb \/data ext4 rw,noatime.*\n(lost\+found\n)?ready\n$/);
      expect(await run("looks", "cat /data/file; touch /data/new 2>&1", [bind(source, "ro")])).to.match(
        /^of one\n.*Read-only file system\n$/,
      );
      await shim.remove("holds");
      expect(execFileSync("debugfs", ["-R", "cat /file", device], { stdio: "pipe" }).toString()).to.equal("of one\n");
      assign(source, { device, options: ["ro"] });
      expect(await run("fixed", "cat /data/file /sys/block/vdb/ro; touch /data/new 2>&1", [bind(source)])).to.match(
        /^of one\n1\n.*Read-only file system\n$/,
      );
      assign(source, { device: "/dev/null" });
      expect((await refusal(launch("none", "true", [bind(source)]))).message).to.include("names the device /dev/null");
    });

    it("are huge pages of the guest, as many as there are to be and for the group of the host's", async () => {
      const hugepageLimits = [{ pageSize: "2MB", limit: 4 * mib }];
      const script = [
        "stat -c '%g %a' /data",
        "grep -c ' /data hugetlbfs rw.*pagesize=2M' /proc/mounts",
        "fallocate -l 4194304 /data/file && awk '/HugePages_(Total|Free)/ {print $2}' /proc/meminfo",
        "fallocate -l 6291456 /data/more 2>&1",
      ].join("; ");
      expect(await run("pages", script, [bind(huge)], { resources: { hugepageLimits } })).to.match(
        /^2000 2770\n1\n2\n0\n.*No space left on device\n$/,
      );
      expect(await run("after", "awk '/HugePages_Total/ {print $2}' /proc/meminfo")).to.equal("0\n");
      expect((await refusal(launch("unsized", "true", [bind(huge)]))).message).to.include(
        "nobody says how many huge pages",
      );
      const tooMany = { resources: { hugepageLimits: [{ pageSize: "2MB", limit: 64 * 2 ** 30 }] } };
      expect((await refusal(launch("greedy", "true", [bind(huge)], tooMany))).message).to.include("it has memory for");
    });

    it("change for a container when the kubelet swaps what they link to", async () => {
      const source = join(directory, "config");
      mkdirSync(source);
      const publish = (version: string): void => {
        mkdirSync(join(source, version));
        writeFileSync(join(source, version, "key"), `${version}\n`);
        symlinkSync(version, join(source, "..data_tmp"));
        renameSync(join(source, "..data_tmp"), join(source, "..data"));
      };
      publish("..1");
      symlinkSync("..data/key", join(source, "key"));
      const script = "cat /data/key; while [ $(cat /data/key) = ..1 ]; do sleep 0.1; done; cat /data/key";
      await launch("watches", script, [bind(source, "ro")]);
      while (!readFileSync(join(shim.bundle("watches").path, "stdout"), "utf8").includes("\n")) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      publish("..2");
      rmSync(join(source, "..1"), { recursive: true });
      const task = await shim.client("watches");
      await task.wait({ id: "watches", execId: "" });
      expect(shim.output("watches")).to.equal("..1\n..2\n");
      await shim.remove("watches");
    });

    it("lead nowhere by links that are planted in them", async () => {
      const source = join(directory, "shared");
      mkdirSync(source);
      const secret = join(directory, "secret");
      writeFileSync(secret, "of the host\n");
      const plant = `ln -s ${secret} /data/link; ln -s / /data/root; cat /data/link 2>&1; cat /data/root${secret} 2>&1`;
      expect(await run("plants", plant, [bind(source)])).to.match(/No such file[^]*No such file/);
      for (const planted of ["link", "root"]) {
        const refused = await refusal(launch("follows", "cat /data", [bind(join(source, planted))]));
        expect(refused.message, planted).to.include("symbolic link");
      }
      const fixed = await run(
        "fixed",
        "echo x >/data/new 2>&1; mount -o remount,rw /data 2>&1; echo x >/data/new 2>&1",
        [bind(source, "ro")],
      );
      expect(fixed).to.include("Read-only file system");
      expect(execFileSync("ls", [source], { encoding: "utf8" })).to.equal("link\nroot\n");
    });

    it("end with their pod, and leave nothing", async () => {
      const served = shim.shim("pod");
      await shim.remove("pod");
      await shim.gone(served);
    });
  });
