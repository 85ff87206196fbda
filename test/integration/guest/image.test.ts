import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { sha256OfFile } from "../../../guest/image/file-tree.js";
import {
  type BuildProgress,
  buildGuestImage,
  buildSteps,
  currentGuestImage,
  type GuestImage,
} from "../../../guest/image/index.js";
import { downloadPackage } from "../../../guest/image/packages.js";
import { skip } from "../../support/skip.js";
import { bootUntil, firstDisk } from "./boot-guest.js";

// Compiled tests are in dist/, the placeholder is not.
const project = fileURLToPath(new URL("../../../../", import.meta.url));
const placeholder = join(project, "test/fixtures/guest/placeholder-agent.cjs");

/** What the placeholder says of the guest. */
interface Report {
  readonly pid: number;
  readonly boot: string;
  readonly kernel: string;
  readonly node: string;
  readonly mounts: readonly string[];
  readonly modules: readonly string[];
  readonly controllers: string;
  readonly koffi: boolean | string;
}

const reportOf = (line: string): Report => JSON.parse(line.slice(line.indexOf("{"))) as Report;

const files = ["image", "initrd", "vmlinux", "vmlinuz", "manifest.json"] as const;

const hashes = (directory: string): string[] => files.map((name) => sha256OfFile(join(directory, name)));

describe("the guest image", () => {
  let directory: string;
  let agentBundle: string;
  let image: GuestImage;
  const told: BuildProgress[] = [];

  const build = (cache: string, bundle = agentBundle): Promise<GuestImage> =>
    buildGuestImage({ cacheRoot: join(directory, cache), agentBundle: bundle, onProgress: (one) => told.push(one) });

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "kata-ts-guest-"));
    agentBundle = join(directory, "agent.cjs");
    copyFileSync(placeholder, agentBundle);
    image = await build("cache");
  });

  after(() => rmSync(directory, { recursive: true, force: true }));

  describe("is built", () => {
    it("with all its files, telling each step", () => {
      expect(image.reused).to.equal(false);
      expect(readdirSync(image.directory).sort()).to.deep.equal([...files].sort());
      expect(told.map(({ step }) => step)).to.deep.equal(buildSteps);
      expect(told.map(({ index, total }) => index / total).at(-1)).to.equal(1);
      for (const [name, { size, sha256 }] of Object.entries(image.manifest.files)) {
        const path = join(image.directory, name);
        expect([statSync(path).size, sha256OfFile(path)], name).to.deep.equal([size, sha256]);
      }
      expect(image.manifest.packages.map(({ name }) => name)).to.include.members([
        "busybox-static",
        "crun",
        "iptables",
      ]);
    });

    it("once for the same inputs, and again for others", async () => {
      const again = await build("cache");
      expect([again.reused, again.directory]).to.deep.equal([true, image.directory]);
      const other = join(directory, "other.cjs");
      writeFileSync(other, `${readFileSync(placeholder, "utf8")}\n// changed\n`);
      const changed = await build("cache", other);
      expect(changed.reused).to.equal(false);
      expect(changed.hash).not.to.equal(image.hash);
      expect(currentGuestImage(join(directory, "cache"))?.hash).to.equal(changed.hash);
      await build("cache");
      expect(currentGuestImage(join(directory, "cache"))?.hash).to.equal(image.hash);
    });

    it("with the same bytes elsewhere, by one of two builds at once", async () => {
      const both = await Promise.all([build("second"), build("second")]);
      expect(both.map(({ reused }) => reused)).to.have.members([false, true]);
      expect(both.map(({ hash }) => hash)).to.deep.equal([image.hash, image.hash]);
      expect(hashes(both[0].directory)).to.deep.equal(hashes(image.directory));
      const left = readdirSync(join(directory, "second")).filter(
        (name) => !/^([0-9a-f]{64}|current|packages|\.lock)$/.test(name),
      );
      expect(left).to.deep.equal([]);
    });

    it("anew where an earlier build was cut off", async () => {
      const entry = join(directory, "third", image.hash);
      mkdirSync(entry, { recursive: true });
      copyFileSync(image.image, join(entry, "image"));
      truncateSync(join(entry, "image"), 4096);
      mkdirSync(join(directory, "third", ".work-dead"));
      const whole = await build("third");
      expect(whole.reused).to.equal(false);
      expect(hashes(whole.directory)).to.deep.equal(hashes(image.directory));
      expect(existsSync(join(directory, "third", ".work-dead"))).to.equal(false);
    });

    it("not without an agent", async () => {
      const error = await build("cache", join(directory, "gone.cjs")).catch((failure: unknown) => failure);
      expect(error).to.have.property("code", "KATA_GUEST_IMAGE_AGENT");
      expect(error).to.have.property("message").that.includes("npm run build");
    });

    it("from packages that this machine does not have, without installing them", async function () {
      const store = join(directory, "store");
      mkdirSync(store);
      try {
        execFileSync("apt-cache", ["show", "busybox-static"], { stdio: "ignore" });
      } catch {
        skip(this, "the package lists are empty: apt-get update");
      }
      const fetched = await downloadPackage("busybox-static", store);
      expect(execFileSync(join(fetched.root, "bin/busybox"), ["echo", "fetched"], { encoding: "utf8" })).to.equal(
        "fetched\n",
      );
      expect(readdirSync(store)).to.have.lengthOf(1);
    });
  });

  describe("boots under emulation", () => {
    before(function () {
      try {
        execFileSync("qemu-system-x86_64", ["--version"], { stdio: "ignore" });
      } catch {
        skip(this, "qemu-system-x86_64 is not installed");
      }
    });

    const serialPort = (path: string): string[] => [
      "-device",
      "virtio-serial-pci",
      "-chardev",
      `file,id=agent,path=${path}`,
      "-device",
      "virtserialport,chardev=agent,name=kata.1024",
    ];

    it("to the agent as its first process, with what it expects around it", async () => {
      const port = join(directory, "port");
      const { vmlinux: kernel, initrd, manifest } = image;
      const devices = [...firstDisk(image.image), ...serialPort(port)];
      const parameters = manifest.kernelParams;
      const line = await bootUntil({ kernel, initrd, parameters, devices }, /^placeholder agent: .*}/);
      const report = reportOf(line);

      expect(readFileSync(port, "utf8").trim()).to.equal(line);
      expect(report.pid).to.equal(1);
      expect(report.kernel).to.equal(manifest.kernelRelease);
      expect(report.node).to.equal(manifest.nodeVersion);
      expect(report.koffi).to.equal(true);
      expect(report.boot).to.match(/^init=[\d.]+ root=[\d.]+ ready=[\d.]+$/);
      expect(report.controllers.split(" ")).to.include.members(["cpu", "memory", "pids"]);
      expect(report.modules).to.include.members(["virtio_blk", "virtio_console"]).and.not.include("virtio_mmio");
      const points = report.mounts.map((mount) => mount.split(" ").slice(0, 2).join(" "));
      expect(points).to.deep.equal([
        "/ ext4",
        "/dev devtmpfs",
        "/dev/pts devpts",
        "/dev/shm tmpfs",
        "/proc proc",
        "/sys sysfs",
        "/sys/fs/cgroup cgroup2",
        "/run tmpfs",
        "/tmp tmpfs",
      ]);
      expect(report.mounts[0]).to.match(/^\/ ext4 ro\b/);
    });

    it("from the distribution's own bzImage, and with flags this file system does not have", async () => {
      const { vmlinuz: kernel, initrd } = image;
      const parameters = ["root=/dev/vda", "rootflags=data=ordered,errors=remount-ro", "ro", "rootfstype=ext4"];
      const devices = firstDisk(image.image);
      const line = await bootUntil({ kernel, initrd, parameters, devices }, /^placeholder agent: .*}/);
      expect(reportOf(line).pid).to.equal(1);
    });

    it("from persistent memory", async () => {
      const { vmlinux: kernel, initrd } = image;
      const { size } = statSync(image.image);
      const copy = join(directory, "pmem");
      copyFileSync(image.image, copy);
      const devices = [
        "-m",
        "256M,slots=1,maxmem=4G",
        "-object",
        `memory-backend-file,id=disk,share=on,mem-path=${copy},size=${size}`,
        "-device",
        "virtio-pmem-pci,memdev=disk",
      ];
      const parameters = ["root=/dev/pmem0", "rootflags=dax", "rootfstype=ext4"];
      const line = await bootUntil({ kernel, initrd, parameters, devices }, /^placeholder agent: .*}/);
      expect(reportOf(line).mounts[0]).to.include("dax");
    });

    it("not without its disk, and says so", async () => {
      const { vmlinux: kernel, initrd } = image;
      const missing = await bootUntil(
        { kernel, initrd, parameters: ["root=/dev/vdb"], devices: firstDisk(image.image) },
        /^kata-ts init: /,
      );
      expect(missing).to.equal("kata-ts init: root=/dev/vdb did not appear; block devices here: vda");
      const unknown = await bootUntil({ kernel, initrd, parameters: ["root=LABEL=x"], devices: [] }, /^kata-ts init: /);
      expect(unknown).to.include("root=LABEL=x is no disk that this initrd knows");
    });
  });
});
