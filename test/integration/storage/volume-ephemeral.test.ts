import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import type { OciSpec } from "../../../src/core/oci/spec.js";
import { checkLeaks } from "../../support/leaks.js";
import { MachineShim } from "../../support/machine-shim.js";

describe("a volume in memory", () => {
  const sys = createLinuxSys();
  let directory: string;
  let volume: string;
  let shim: MachineShim;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "kata-ts-ephemeral-"));
    volume = join(directory, "kubernetes.io~empty-dir", "cache");
    mkdirSync(volume, { recursive: true });
    await sys.mounts.mount({ source: "tmpfs", target: volume, type: "tmpfs", data: "size=4m,mode=0750,gid=2000" });
    shim = new MachineShim();
  });
  after(async () => {
    await shim.end();
    await sys.mounts.unmount(volume, { detach: true });
    rmSync(directory, { recursive: true });
  });
  checkLeaks(() => shim.leakScope);

  const withVolume = (spec: OciSpec): OciSpec => ({
    ...spec,
    mounts: [...(spec.mounts ?? []), { destination: "/cache", type: "bind", source: volume, options: ["rbind", "rw"] }],
  });

  const run = async (id: string, script: string): Promise<string> => {
    const annotations = {
      "io.kubernetes.cri.container-type": id === "pod" ? "sandbox" : "container",
      "io.kubernetes.cri.sandbox-id": "pod",
    };
    const task = await shim.launch(id, ["sh", "-c", script], { annotations, change: withVolume });
    if (id !== "pod") await task.wait({ id, execId: "" });
    return id === "pod" ? "" : shim.output(id);
  };

  it("is the guest's memory, one for all containers of its pod, as large as it was asked for", async () => {
    await run("pod", "exec sleep 100000");
    expect(await run("one", "echo of one >/cache/file; stat -c '%g %a' /cache; df -k /cache | tail -1")).to.match(
      /^2000 2770\ntmpfs +4096 /,
    );
    expect(await run("two", "cat /cache/file; dd if=/dev/zero of=/cache/much bs=1M count=9 2>&1 | head -1")).to.match(
      /^of one\n.*No space left on device/,
    );
    expect(readdirSync(volume)).to.deep.equal([]);
    for (const id of ["two", "one"]) await shim.remove(id);
    const served = shim.shim("pod");
    await shim.remove("pod");
    await shim.gone(served);
  });
});
