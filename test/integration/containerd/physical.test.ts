import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { driverOf } from "../../../src/core/network/pci-driver.js";
import { addAddress } from "../../support/add-address.js";
import { HostCards } from "../../support/host-vm/host-cards.js";
import { needsHostVm } from "../../support/host-vm/needs-host-vm.js";
import { TestPod } from "../../support/test-pod.js";
import { describeContainerd } from "./suite.js";

describeContainerd("a device of the host in a pod's network", (suite) => {
  let pod: TestPod;
  let cards: HostCards;

  before(function () {
    needsHostVm(this);
  });

  beforeEach(() => {
    pod = new TestPod();
    cards = new HostCards();
    cards.moveTo(0, pod.namespace, "nic0");
    const { index } = pod.route.link("nic0")!;
    pod.route.changeLink(index, { up: true, alias: "as it was" });
    addAddress(pod.route, index, "10.99.0.2/24");
  });

  afterEach(() => {
    pod.close();
    cards.close();
  });

  /** Waits until the device's own driver has it, and its link is where it was. */
  async function assertGivenBack(): Promise<void> {
    for (let looks = 0; looks < 600 && pod.route.link("nic0") === undefined; looks++) await sleep(100);
    expect(pod.route.link("nic0")).to.deep.include({ alias: "as it was" });
    expect(driverOf(cards.address(0))).to.equal("virtio-pci");
  }

  const start = (id: string) =>
    suite.containerd.run(id, ["-d", "--with-ns", `network:${pod.namespace}`], ["sleep", "100000"]);

  it("is given to the guest, and stays there while links come and go", async () => {
    const id = suite.newId();
    expect((await start(id)).stderr).to.equal("");
    const show = async () =>
      (await suite.containerd.ctr(["tasks", "exec", "--exec-id", "e", id, "ip", "address"])).stdout;
    expect(pod.route.link("nic0")).to.equal(undefined);
    expect(driverOf(cards.address(0))).to.equal("vfio-pci");
    expect(await show()).to.match(/nic0: .*UP[^]*inet 10\.99\.0\.2\/24/);
    pod.addPair("eth1", "peer1", 2);
    let shown = "";
    for (let looks = 0; looks < 60 && !shown.includes("10.1.2.2/24"); looks++) shown = await show();
    expect(shown).to.match(/eth1[^]*inet 10\.1\.2\.2\/24/);
    expect(shown).to.match(/nic0: .*UP[^]*inet 10\.99\.0\.2\/24/);
    await suite.containerd.remove(id);
    await assertGivenBack();
  });

  it("is given back after the shim was killed", async () => {
    const id = suite.newId();
    expect((await start(id)).stderr).to.equal("");
    process.kill(suite.containerd.shimOf(id), "SIGKILL");
    await assertGivenBack();
    await suite.containerd.remove(id);
  });

  it("is given back after the machine was killed", async () => {
    const id = suite.newId();
    expect((await start(id)).stderr).to.equal("");
    process.kill(suite.containerd.machineOf(id), "SIGKILL");
    await assertGivenBack();
    await suite.containerd.remove(id);
  });
});
