import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { checkLeaks } from "../../support/leaks.js";
import { projectDirectory } from "../../support/project.js";
import { runProgram } from "../../support/program.js";
import { makeBusyboxRootfs } from "../../support/rootfs.js";

const examples = join(projectDirectory(), "dist/examples");
const name = "kata-ts-hypervisor-mini-qemu";

describe("the example of a pod, in a machine of the example of a hypervisor", () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "kata-ts-pod-"));
    makeBusyboxRootfs(join(directory, "rootfs"));
  });
  after(() => rmSync(directory, { recursive: true }));
  checkLeaks(() => ({ marks: ["example-pod-"] }));

  it("has one container ask the other, and leaves nothing", async () => {
    const installed = join(directory, "node_modules", name);
    mkdirSync(installed, { recursive: true });
    cpSync(join(examples, "hypervisor"), installed, { recursive: true });
    writeFileSync(join(installed, "package.json"), JSON.stringify({ name, type: "module", exports: "./index.js" }));
    const configuration = join(directory, "configuration.toml");
    writeFileSync(
      configuration,
      `plugins = ["${name}"]
       [runtime]
       hypervisor_name = "mini-qemu"
       internetworking_model = "none"
       [hypervisor.mini-qemu]
       shared_fs = "virtio-fs"
       accel = "tcg"\n`,
      { mode: 0o600 },
    );
    const args = [join(examples, "pod/main.js"), join(directory, "rootfs"), configuration];
    const { status, stdout, stderr } = await runProgram(process.execPath, args);
    expect({ status, stdout, stderr }).to.deep.equal({ status: 0, stdout: "hello from the pod\n", stderr: "" });
    expect(existsSync(join(directory, "rootfs/tmp/index.html")), "the file that the server has made").to.equal(true);
  });
});
