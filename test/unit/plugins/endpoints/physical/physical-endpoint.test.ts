import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect } from "chai";
import type { EndpointRequest } from "../../../../../src/core/contracts/endpoint.js";
import { codeOf, describeError } from "../../../../../src/core/errors/error.js";
import { pciAddressOf } from "../../../../../src/core/network/pci-address.js";
import { driverOf } from "../../../../../src/core/network/pci-driver.js";
import { SandboxRecord } from "../../../../../src/core/sandbox/record.js";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import type { Netlink } from "../../../../../src/core/sys/netlink.js";
import type { Sys } from "../../../../../src/core/sys/sys.js";
import { PhysicalEndpoint } from "../../../../../src/plugins/endpoints/physical/physical-endpoint.js";
import { fakeSys } from "../../../../../src/testing/fake-sys.js";
import { NoNetwork } from "../../../../../src/plugins/endpoints/network-models/none/no-network.js";

const address = "0000:3b:00.1";

/** A tree like that of sysfs, in which nothing happens by itself: what is written can be read. */
class Tree {
  readonly root = mkdtempSync(join(tmpdir(), "kata-ts-sysfs-"));

  constructor() {
    for (const driver of ["ixgbe", "vfio-pci"])
      mkdirSync(join(this.root, "bus/pci/drivers", driver), { recursive: true });
  }

  device(name: string, { driver, group, kind = "0x020000" }: { driver?: string; group?: string; kind?: string }): void {
    const directory = join(this.root, "bus/pci/devices", name);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "class"), `${kind}\n`);
    if (driver !== undefined) symlinkSync(join(this.root, "bus/pci/drivers", driver), join(directory, "driver"));
    if (group === undefined) return;
    const members = join(this.root, "groups", group, "devices");
    mkdirSync(join(members, name), { recursive: true });
    symlinkSync(join(this.root, "groups", group), join(directory, "iommu_group"));
  }

  read(path: string): string {
    return readFileSync(join(this.root, "bus/pci", path), "utf8");
  }
}

describe("the endpoint of a device of the host", () => {
  let tree: Tree;
  let directory: string;
  let record: SandboxRecord;

  beforeEach(() => {
    tree = new Tree();
    directory = mkdtempSync(join(tmpdir(), "kata-ts-record-"));
    record = SandboxRecord.create(directory, { namespace: "test", id: "pod" });
  });

  afterEach(() => {
    for (const one of [tree.root, directory]) rmSync(one, { recursive: true });
  });

  /** Nothing happens by itself to the tree, nor to links, unless a pretended kernel sees to it. */
  const idle = { files: createLinuxSys().files, netlink: {} as Netlink };
  const make = (
    pciAddress = address,
    sys: Pick<Sys, "files" | "netlink"> = idle,
    namespace = "/gone",
  ): PhysicalEndpoint => {
    const guest = { device: "nic0", name: "nic0", addresses: [], mtu: 1500, hardwareAddress: "02:00:00:00:00:01" };
    const link = { ...guest, kind: "physical", index: 3, flags: 0, details: {}, alias: "eno1", pciAddress, guest };
    const settings = { model: new NoNetwork(), index: 0, queuePairs: 1, queueSize: 256, vhost: false, rates: {} };
    const request: EndpointRequest = { link, namespace, ...settings };
    return new PhysicalEndpoint(request, { sys, record, sysfs: tree.root });
  };

  const failureOf = async (endpoint: PhysicalEndpoint): Promise<string> => {
    const error: unknown = await endpoint.prepare().catch((cause: unknown) => cause);
    expect(codeOf(error)).to.equal("KATA_NETWORK_ENDPOINT");
    return describeError(error);
  };

  it("leaves a device with its driver that cannot be passed through, and says why", async () => {
    expect(await failureOf(make("3b:00.1"))).to.match(/"3b:00.1", which is no PCI address/);
    tree.device(address, { driver: "ixgbe" });
    expect(await failureOf(make())).to.match(/no IOMMU keeps it.*intel_iommu=on/);
    rmSync(join(tree.root, "bus/pci/devices"), { recursive: true });
    tree.device(address, { driver: "ixgbe", group: "7" });
    tree.device("0000:3b:00.0", { driver: "ixgbe", group: "7" });
    tree.device("0000:3a:00.0", { driver: "ixgbe", group: "7", kind: "0x060400" });
    tree.device("0000:3b:00.2", { group: "7" });
    expect(await failureOf(make())).to.match(/its IOMMU group 7 has 0000:3b:00\.0 too, which drivers of the host have/);
    rmSync(join(tree.root, "bus/pci/drivers/vfio-pci"), { recursive: true });
    expect(await failureOf(make())).to.match(/no driver vfio-pci; load it \(modprobe vfio-pci\)/);
    expect(record.content.network).to.deep.equal([]);
    await make().cleanup();
  });

  it("notes where its link was, and says when another driver has kept the device", async () => {
    tree.device(address, { driver: "ixgbe", group: "7" });
    const endpoint = make();
    expect(await failureOf(endpoint)).to.match(/0000:3b:00\.1 did not go to the driver vfio-pci, it has ixgbe/);
    expect(tree.read("drivers/ixgbe/unbind")).to.equal(address);
    expect(tree.read("drivers_probe")).to.equal(address);
    expect(tree.read(`devices/${address}/driver_override`)).to.equal("\n");
    const place = { namespace: "/gone", name: "nic0", alias: "eno1" };
    expect(record.content.network).to.deep.equal([{ kind: "driver", device: address, driver: "ixgbe", place }]);
    expect(SandboxRecord.load(directory)?.content).to.deep.equal(record.content);
    await endpoint.cleanup();
    expect(record.content.network).to.deep.equal([]);
  });

  it("gives the device back to its driver, and its link to the pod under the name it had, however far it came", async () => {
    tree.device(address, { driver: "ixgbe", group: "7" });
    const namespace = join(directory, "netns");
    writeFileSync(namespace, "");
    const sys = fakeSys();
    const device = { bus: "pci", name: address };
    const { links } = sys.network.namespace(namespace);
    sys.network.namespace(namespace).add({ name: "nic0" }, "", { device });
    const driver = (): string => basename(readlinkSync(join(tree.root, "bus/pci/devices", address, "driver")));
    const seen: string[] = [];
    for (let after = 0; ; after++) {
      const endpoint = make(address, sys, namespace);
      const refusal = sys.refuseNext(new Set(["files.writeAttribute"]), after);
      const failed = await endpoint.prepare().then(
        () => false,
        () => true,
      );
      refusal.end();
      seen.push(`${failed ? "refused" : "given"}: ${driverOf(address, tree.root) || "none"}`);
      if (!failed) expect(links.map(({ name }) => name)).to.deep.equal(["lo"]);
      await endpoint.cleanup();
      expect(driver(), `after ${after}`).to.equal("ixgbe");
      expect(links.map(({ name, device: behind }) => [name, behind?.name])).to.deep.equal([
        ["lo", undefined],
        ["nic0", address],
      ]);
      expect(record.content.network).to.deep.equal([]);
      if (!failed) break;
    }
    expect(seen).to.deep.equal([
      "refused: ixgbe",
      "refused: ixgbe",
      "refused: none",
      "refused: vfio-pci",
      "given: vfio-pci",
    ]);
  });

  it("is of what is on PCI, a virtio card's device too", () => {
    const virtio = join(tree.root, "bus/virtio/devices");
    mkdirSync(virtio, { recursive: true });
    symlinkSync("../../../devices/pci0000:00/0000:00:16.0/virtio3", join(virtio, "virtio3"));
    symlinkSync("../../../devices/platform/a003e00.virtio_mmio/virtio4", join(virtio, "virtio4"));
    const of = (bus: string, name: string) => pciAddressOf({ bus, name }, tree.root);
    expect(of("pci", address)).to.equal(address);
    expect(of("virtio", "virtio3")).to.equal("0000:00:16.0");
    for (const name of ["virtio4", "virtio5", "../virtio3"]) expect(of("virtio", name), name).to.equal(undefined);
    expect(of("auxiliary", "mlx5_core.sf.2")).to.equal(undefined);
  });
});
