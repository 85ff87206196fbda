import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { checkHost } from "../../../../../src/plugins/storage/virtio-fs/check-host.js";
import { checkContext } from "../../../../support/check-context.js";

describe("what virtio-fs finds on a host", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "virtiofs-check-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const check = async (path: string) =>
    (await checkHost(await checkContext(directory, "hypervisor.qemu.virtio_fs_daemon", path)))[0];

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
