import { expect } from "chai";
import { driverOf } from "../../../src/core/network/pci-driver.js";
import { HostCards } from "../../support/host-vm/host-cards.js";
import { needsHostVm } from "../../support/host-vm/needs-host-vm.js";
import { needsLinkKind } from "../../support/link-kinds.js";
import { describeNode, subnets } from "./suite.js";

describeNode("pods whose links are of kinds that not every kernel has", "kata-ts", (suite) => {
  for (const mode of ["l2", "l3"]) {
    it(`have an ipvlan of the host's link, at layer ${mode}`, async function () {
      needsLinkKind(this, "ipvlan");
      const { node } = suite;
      node.addUplink("up0");
      const plugin = { type: "ipvlan", master: "up0", mode, ipam: node.addressing(...subnets) };
      node.useNetwork({ name: `pods-${mode}`, plugins: [plugin] });
      const [one, two] = [await suite.run(), await suite.run()];
      const container = await node.runContainer(one, "only");
      await node.runContainer(two, "other");
      const { stdout } = await node.cri.exec(container, "ip", "link", "show", "eth0");
      expect(/NOARP/.test(stdout), stdout).to.equal(mode === "l3");
      for (const address of two.addresses) await suite.assertReaches(container, address);
    });
  }

  it("have a VLAN of the host's link", async function () {
    needsLinkKind(this, "vlan");
    const { node } = suite;
    node.addUplink("up0");
    const plugin = { type: "vlan", master: "up0", vlanId: 7, ipam: node.addressing(...subnets) };
    node.useNetwork({ name: "pods", plugins: [plugin] });
    const pod = await suite.run();
    const container = await node.runContainer(pod, "only");
    const far = node.addVlanPeer("up0-peer", 7, ["10.88.200.1/16", "fd88::c8/64"]);
    try {
      for (const target of ["10.88.200.1", "fd88::c8"]) await suite.assertReaches(container, target);
    } finally {
      far.remove();
    }
  });

  it("have a device of the host, whole", async function () {
    needsHostVm(this);
    const { node } = suite;
    const cards = new HostCards();
    try {
      cards.moveTo(0, node.namespace);
      cards.serve(1, ["10.99.0.1/24", "fd99::1/64"]);
      const ipam = node.addressing("10.99.0.0/24", "fd99::/64");
      node.useNetwork({ name: "pods", plugins: [{ type: "host-device", device: cards.name(0), ipam }] });
      const pod = await suite.run();
      expect(driverOf(cards.address(0))).to.equal("vfio-pci");
      const container = await node.runContainer(pod, "only");
      for (const target of ["10.99.0.1", "fd99::1"]) await suite.assertReaches(container, target);
      await node.cri.stopContainer(container, 0);
      await suite.end(pod);
      expect(driverOf(cards.address(0))).to.equal("virtio-pci");
      expect(node.route.links().map(({ name }) => name)).to.include(cards.name(0));
    } finally {
      cards.close();
    }
  });
});
