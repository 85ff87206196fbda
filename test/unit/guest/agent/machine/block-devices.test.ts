import { expect } from "chai";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findNode, waitForBlockDevice } from "../../../../../guest/agent/machine/block-devices.js";

describe("devices of the guest", () => {
  let directory: string;
  let roots: { sys: string; dev: string };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "devices-"));
    roots = { sys: join(directory, "sys"), dev: join(directory, "dev") };
    mkdirSync(roots.dev, { recursive: true });
    // a node that needs no privilege to make: what counts here is how it is found
    symlinkSync("/dev/null", join(roots.dev, "vdb"));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it("are found by their path", async () => {
    const node = await waitForBlockDevice(roots, join(roots.dev, "vdb"), 0);
    expect(node).to.include({ path: join(roots.dev, "vdb"), major: 1, minor: 3 });
    expect(findNode("/dev/tty0") ?? { major: 4 }).to.include({ major: 4 });
    expect(findNode(directory)).to.equal(undefined);
  });

  it("are found by the PCI slots that lead to them, also once they have come", async () => {
    const bridge = join(roots.sys, "devices/pci0000:00/0000:00:02.0");
    mkdirSync(join(bridge, "pci_bus/0000:01"), { recursive: true });
    const waiting = waitForBlockDevice(roots, "02/1.0", 5000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    mkdirSync(join(bridge, "0000:01:01.0/virtio3/block/vdb"), { recursive: true });
    expect((await waiting).path).to.equal(join(roots.dev, "vdb"));
  });

  it("are not looked for by what is no place of a device", async () => {
    for (const locator of ["", "../02", "/etc/passwd", join(roots.dev, "../x"), "zz", "02//01", "02/01.8"]) {
      const outcome = await waitForBlockDevice(roots, locator, 0).catch((error: Error) => error.message);
      expect(outcome, locator).to.contain("a path of PCI slots");
    }
  });
});
