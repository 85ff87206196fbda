import { expect } from "chai";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitForScsiDisk } from "../../../../../guest/agent/machine/scsi-disks.js";

describe("SCSI disks of the guest", () => {
  let directory: string;
  let roots: { sys: string; dev: string };
  let loaded: string[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "scsi-"));
    roots = { sys: join(directory, "sys"), dev: join(directory, "dev") };
    loaded = [];
    mkdirSync(roots.dev, { recursive: true });
    // a node that needs no privilege to make: what counts here is how it is found
    for (const disk of ["sda", "sdb"]) symlinkSync("/dev/null", join(roots.dev, disk));
    addHost("host0", "ata_piix");
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const hostFile = (host: string, name: string) => join(roots.sys, "class/scsi_host", host, name);
  const addHost = (host: string, driver: string): void => {
    mkdirSync(hostFile(host, ""), { recursive: true });
    writeFileSync(hostFile(host, "proc_name"), `${driver}\n`);
    writeFileSync(hostFile(host, "scan"), "");
  };
  const addDisk = (address: string, disk: string): void =>
    void mkdirSync(join(roots.sys, "bus/scsi/devices", address, "block", disk), { recursive: true });
  const modules = {
    load: async (...[name, words]: [string, (readonly string[])?]) =>
      void loaded.push([name, ...(words ?? [])].join(" ")),
  };
  const wait = (address: string, ms = 0) => waitForScsiDisk({ roots, modules }, address, ms);
  const failure = (address: string) =>
    wait(address).then(
      () => "",
      (error: Error) => error.message,
    );

  it("are found by target and unit on the controller of virtio alone, with drivers that are loaded once", async () => {
    addHost("host2", "virtio_scsi");
    addDisk("0:0:0:3", "sda");
    addDisk("2:0:0:3", "sdb");
    expect((await wait("0:3")).path).to.equal(join(roots.dev, "sdb"));
    // The bus is there already, in this test.
    expect(loaded).to.deep.equal(["virtio_scsi", "sd_mod"]);
    mkdirSync(join(roots.sys, "bus/virtio/drivers/virtio_scsi"), { recursive: true });
    mkdirSync(join(roots.sys, "bus/scsi/drivers/sd"), { recursive: true });
    await wait("0:3");
    expect(loaded).to.have.length(2);
  });

  it("are searched for on the bus when the controller has not told of them, and waited for", async () => {
    addHost("host2", "virtio_scsi");
    const waiting = wait("1:17", 5000);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(readFileSync(hostFile("host2", "scan"), "utf8")).to.equal("0 1 17\n");
    expect(readFileSync(hostFile("host0", "scan"), "utf8")).to.equal("");
    addDisk("2:0:1:17", "sda");
    expect((await waiting).path).to.equal(join(roots.dev, "sda"));
  });

  it("that do not come are an error that says what there is", async () => {
    expect(await failure("0:0")).to.match(/no SCSI disk 0:0, after 0 ms of waiting: it has no controller/);
    expect(loaded).to.deep.equal(["scsi_mod scan=manual", "virtio_scsi", "sd_mod"]);
    addHost("host2", "virtio_scsi");
    addDisk("0:0:0:0", "sda");
    addDisk("2:0:0:1", "sdb");
    expect(await failure("0:0")).to.match(/no SCSI disk 0:0, .*; on host2 there are: 0:1$/);
  });

  it("are not looked for by what is no address", async () => {
    for (const address of ["", "0", "0:", "0:1:2", "a:b", "-1:0", "0:1\n1", "../0:1"]) {
      expect(await failure(address), address).to.contain("`target:unit` in decimal");
    }
    expect(loaded).to.deep.equal([]);
  });
});
