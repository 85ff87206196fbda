import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { OciMount, OciSpec } from "../../../src/core/oci/spec.js";
import { checkLeaks } from "../../support/leaks.js";
import { dragonball, qemu } from "../../support/machine-kinds.js";
import { MachineShim, refusal } from "../../support/machine-shim.js";
import { makeBusyboxRootfs } from "../../support/rootfs.js";

const mib = 2 ** 20;

for (const { name, lines, needs } of [qemu, dragonball])
  describe(`volumes of a pod with which nothing is shared, in a machine of ${name}`, () => {
    let directory: string;
    let shim: MachineShim;
    let disks = 0;

    before(async function () {
      await needs?.(this);
      directory = mkdtempSync(join(tmpdir(), "kata-ts-copies-"));
      makeBusyboxRootfs(join(directory, "tree"));
      shim = new MachineShim([...lines, 'shared_fs = "none"']);
      await run("pod", "exec sleep 100000");
    });
    after(async () => {
      await shim?.end();
      if (directory !== undefined) rmSync(directory, { recursive: true });
    });
    checkLeaks(() => shim.leakScope);

    /** A root file system that is a disk: the only kind there is without a share. */
    const rootOnDisk = () => {
      const source = join(directory, `root${disks++}`);
      writeFileSync(source, "");
      truncateSync(source, 16 * mib);
      execFileSync("mkfs.ext4", ["-q", "-F", "-d", join(directory, "tree"), source]);
      return [{ type: "ext4", source, target: "", options: [] }];
    };

    const launch = (id: string, script: string, mounts: readonly OciMount[] = [], rootfs = rootOnDisk()) =>
      shim.launch(id, ["sh", "-c", script], {
        annotations: {
          "io.kubernetes.cri.container-type": id === "pod" ? "sandbox" : "container",
          "io.kubernetes.cri.sandbox-id": "pod",
        },
        change: (spec: OciSpec) => ({ ...spec, mounts: [...(spec.mounts ?? []), ...mounts] }),
        request: { rootfs },
      });

    /** Runs a container of the pod to its end and gives its output. */
    const run = async (id: string, script: string, mounts: readonly OciMount[] = []): Promise<string> => {
      const task = await launch(id, script, mounts);
      if (id === "pod") return "";
      await task.wait({ id, execId: "" });
      const output = shim.output(id);
      await shim.remove(id);
      return output;
    };

    const bind = (source: string, destination = "/data", ...options: string[]): OciMount => ({
      destination,
      type: "bind",
      source,
      options: ["rbind", ...options],
    });

    it("are copies of the host's files, which change when the kubelet swaps them", async () => {
      const source = join(directory, "config");
      mkdirSync(source);
      const publish = (version: string): void => {
        mkdirSync(join(source, version));
        writeFileSync(join(source, version, "key"), `${version}\n`, { mode: 0o640 });
        symlinkSync(version, join(source, "..data_tmp"));
        renameSync(join(source, "..data_tmp"), join(source, "..data"));
      };
      publish("..1");
      symlinkSync("..data/key", join(source, "key"));
      const resolv = join(directory, "resolv.conf");
      writeFileSync(resolv, "nameserver 192.0.2.1\n");
      const script = [
        "cat /etc/resolv.conf",
        "stat -L -c %a /data/key",
        "touch /data/x 2>&1",
        "cat /data/key",
        "while [ $(cat /data/key) = ..1 ]; do sleep 0.1; done; cat /data/key",
      ].join("; ");
      await launch("watches", script, [bind(source, "/data", "ro"), bind(resolv, "/etc/resolv.conf")]);
      while (!readFileSync(join(shim.bundle("watches").path, "stdout"), "utf8").endsWith("..1\n")) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      publish("..2");
      rmSync(join(source, "..1"), { recursive: true });
      await (await shim.client("watches")).wait({ id: "watches", execId: "" });
      expect(shim.output("watches")).to.match(/^nameserver 192.0.2.1\n640\n.*Read-only file system\n\.\.1\n\.\.2\n$/);
      await shim.remove("watches");
    });

    it("are written to in the guest alone, and go with their container", async () => {
      const source = join(directory, "written");
      mkdirSync(source);
      writeFileSync(join(source, "large"), Buffer.alloc(3 * mib + 17, "x"));
      expect(await run("writes", "wc -c </data/large; echo y >/data/file; cat /data/file", [bind(source)])).to.equal(
        `${3 * mib + 17}\ny\n`,
      );
      expect(await run("again", "ls /data", [bind(source)])).to.equal("large\n");
      expect(execFileSync("ls", [source], { encoding: "utf8" })).to.equal("large\n");
    });

    it("that begin empty are directories of the guest, one for all containers", async () => {
      const source = join(directory, "kubernetes.io~empty-dir/cache");
      mkdirSync(source, { recursive: true });
      execFileSync("chmod", ["0777", source]);
      execFileSync("chgrp", ["2000", source]);
      await run("one", "echo of one >/data/file", [bind(source)]);
      expect(await run("two", "cat /data/file; stat -c '%g %a' /data", [bind(source)])).to.match(
        /^of one\n2000 2777\n/,
      );
      expect(execFileSync("ls", [source], { encoding: "utf8" })).to.equal("");
    });

    it("do not follow links that are planted on the host, and say what is too much", async () => {
      const source = join(directory, "planted");
      mkdirSync(source);
      writeFileSync(join(directory, "secret"), "of the host\n");
      symlinkSync(join(directory, "secret"), join(source, "link"));
      symlinkSync(directory, join(source, "up"));
      expect(await run("planted", "cat /data/link /data/up/secret 2>&1; ls /data", [bind(source)])).to.match(
        /No such file[^]*No such file.*\nlink\nup\n$/,
      );
      const refused = await refusal(launch("follows", "true", [bind(join(source, "up"))]));
      expect(refused.message).to.include("the mount at /data").and.include("symbolic link, which is not followed");
      truncateSync(join(directory, "secret"), 65 * mib);
      const tooMuch = await refusal(launch("large", "true", [bind(join(directory, "secret"))]));
      expect(tooMuch.message).to.include("more than 67108864 bytes").and.include("shared_fs");
    });

    it("are of containers whose root is a disk: no other is to be had", async () => {
      const refused = await refusal(launch("shared", "true", [], []));
      expect(refused.message).to.include('(shared_fs = "none")').and.include("it must be a disk");
    });

    it("end with their pod, and leave nothing", async () => {
      const served = shim.shim("pod");
      await shim.remove("pod");
      await shim.gone(served);
    });
  });
