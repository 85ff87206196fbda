import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { loadConfig } from "../../../../../src/core/config/load.js";
import { checkHost } from "../../../../../src/plugins/storage/virtio-fs/check-host.js";
import { defaultRoots } from "../../../../../src/core/runtime/roots.js";
import { fakeSys } from "../../../../../src/testing/fake-sys.js";

describe("what virtio-fs finds on a host", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "virtiofs-check-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  async function check(path: string) {
    const overrides = [
      { key: "runtime.hypervisor_name", value: "qemu", name: "the test" },
      { key: "hypervisor.qemu.virtio_fs_daemon", value: path, name: "the test" },
    ];
    const config = await loadConfig({ builtIn: true, checkFiles: false, overrides });
    const roots = {
      ...defaultRoots,
      run: directory,
      shared: directory,
      guestCache: directory,
      cgroup: directory,
      systemd: directory,
    };
    const [finding] = await checkHost({ sys: fakeSys(), roots, config });
    return finding;
  }

  it("is missed, with the key and the package", async () => {
    const found = await check("/nonexistent/virtiofsd");
    expect(found).to.include({ name: "virtiofsd", state: "missing", remedy: "apt-get install qemu-system-common" });
    expect(found?.detail).to.include("/nonexistent/virtiofsd").and.include("virtio_fs_daemon");
  });

  it("is named, with which of the two it is", async () => {
    const program = join(directory, "virtiofsd");
    writeFileSync(program, "#!/bin/sh\necho virtiofsd 1.13.0\n", { mode: 0o755 });
    const found = await check(program);
    expect(found?.detail).to.include(`${program}, the one in Rust`);
    expect(found?.state).not.to.equal("missing");
  });
});
