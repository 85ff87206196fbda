import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { needsRealKvm } from "../../support/needs-kvm.js";
import { linkOf } from "../../support/descriptors.js";
import { TestPod } from "../../support/test-pod.js";
import { describeContainerd } from "./suite.js";

describeContainerd("a container whose machine is in the shim's own process", (suite) => {
  let configuration: string;
  let pod: TestPod;

  before(async function () {
    await needsRealKvm(this);
  });

  beforeEach(() => {
    pod = new TestPod();
    configuration = join(suite.containerd.directory, "dragonball.toml");
    const lines = [
      "[runtime]",
      'hypervisor_name = "dragonball"',
      "[hypervisor.dragonball]",
      "default_memory = 512",
      "default_vcpus = 2",
      "[agent.kata]",
      "reconnect_timeout_ms = 180000",
    ];
    writeFileSync(configuration, `${lines.join("\n")}\n`);
  });

  afterEach(() => pod.close());

  const start = (id: string) => {
    const flags = ["-d", "--runtime-config-path", configuration, "--with-ns", `network:${pod.namespace}`];
    return suite.containerd.run(id, flags, ["sleep", "100000"]);
  };

  it("runs, has its network and both of its processors, and leaves nothing", async () => {
    const before_ = pod.state();
    const id = suite.newId();
    expect((await start(id)).stderr).to.equal("");
    const exec = async (command: string) =>
      (await suite.containerd.ctr(["tasks", "exec", "--exec-id", "e", id, "sh", "-c", command])).stdout;
    const shim = suite.containerd.shimOf(id);
    const names = readdirSync(`/proc/${shim}/task`).map((task) => readComm(`${shim}/task/${task}`));
    expect(names).to.include.members(["kata-vcpu0", "kata-vcpu1", "kata-devices"]);
    // Its packets are moved by the host's kernel.
    const files = readdirSync(`/proc/${shim}/fd`).map((fd) => linkOf(`/proc/${shim}/fd/${fd}`));
    if (existsSync("/dev/vhost-net")) expect(files).to.include("/dev/vhost-net");
    expect(await exec("grep -c ^processor /proc/cpuinfo")).to.equal("2\n");
    expect(await exec("ip address show eth0"))
      .to.contain("10.1.1.2/24")
      .and.contain("02:00:00:00:01:02");
    expect(await exec("ping -c 5 -w 20 10.1.1.1")).to.match(/[1-5] packets received/);
    expect(await exec("dd if=/dev/urandom bs=1k count=512 2>/dev/null | tee /file | sha256sum")).to.equal(
      await exec("sha256sum </file"),
    );
    await suite.containerd.remove(id);
    expect(pod.state()).to.equal(before_);
  });

  it("follows links of its pod that come while it runs, and that go", async () => {
    const id = suite.newId();
    expect((await start(id)).stderr).to.equal("");
    const exec = async (command: string) =>
      (await suite.containerd.ctr(["tasks", "exec", "--exec-id", "e", id, "sh", "-c", command])).stdout;
    const until = async (command: string, wanted: RegExp): Promise<void> => {
      let last = "";
      for (let looks = 0; looks < 100 && !wanted.test(last); looks++) last = await exec(command);
      expect(last, suite.containerd.log.slice(-3000)).to.match(wanted);
    };
    for (let round = 0; round < 2; round++) {
      pod.addPair("eth1", "peer1", 2);
      await until("ip addr show eth1 2>&1", /10\.1\.2\.2\/24/);
      expect(await exec("ping -c 5 -w 20 10.1.2.1")).to.match(/[1-5] packets received/);
      pod.route.removeLink(pod.index("eth1"));
      await until("ip link", /^(?![^]*eth1)[^]*eth0/);
    }
    expect(pod.links()).to.have.members(["eth0", "tap0_kata"]);
    await suite.containerd.remove(id);
  });

  it("is cleaned up after the shim, and the machine with it, was killed", async () => {
    const before_ = pod.state();
    const id = suite.newId();
    expect((await start(id)).stderr).to.equal("");
    process.kill(suite.containerd.shimOf(id), "SIGKILL");
    await suite.containerd.remove(id);
    for (let looks = 0; looks < 600 && pod.state() !== before_; looks++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(pod.state()).to.equal(before_);
  });
});

/** Name of a thread; empty when it has gone. */
function readComm(task: string): string {
  try {
    return readFileSync(`/proc/${task}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}
