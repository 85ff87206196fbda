import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { skip } from "../../support/skip.js";
import { TestPod } from "../../support/test-pod.js";
import { noTestpmd, Testpmd } from "../../support/testpmd.js";
import { served, tapped, type Written } from "../../unit/core/network/dan/dan-texts.js";
import { describeContainerd } from "./suite.js";

describeContainerd("the network of a pod by a DAN file", (suite) => {
  let pod: TestPod;

  beforeEach(() => {
    pod = new TestPod();
    mkdirSync(join(pod.directory, "dans"));
  });

  afterEach(() => pod.close());

  /** Writes the DAN file of a sandbox. */
  function write(id: string, ...devices: readonly Written[]): string {
    const file = join(pod.directory, "dans", `${id}.json`);
    writeFileSync(file, JSON.stringify({ devices }));
    return file;
  }

  /** Flags for a configuration that has the directory of this pod's files, and lines for `[hypervisor.qemu]`. */
  function configured(...lines: readonly string[]): string[] {
    const path = join(pod.directory, "configuration.toml");
    const all = ["[runtime]", `dan_conf = "${pod.directory}/dans"`, "[hypervisor.qemu]", ...lines, ""];
    writeFileSync(path, all.join("\n"));
    return ["--runtime-config-path", path];
  }

  /** Runs a container with that configuration to its end. */
  const run = (id: string, script: string, lines: readonly string[] = [], flags: readonly string[] = []) =>
    suite.containerd.run(id, ["--rm", ...configured(...lines), ...flags], ["sh", "-c", script]);
  const inPod = () => ["--with-ns", `network:${pod.namespace}`];

  it("is the tap that the file names, as the file says, and no other link", async () => {
    const id = suite.newId();
    pod.run("ip", ["tuntap", "add", "dev", "tap0", "mode", "tap"]);
    pod.run("ip", ["address", "add", "10.7.0.1/24", "dev", "tap0"]);
    pod.run("ip", ["link", "set", "tap0", "up", "mtu", "1400", "addrgenmode", "none"]);
    const before = pod.state();
    const network_info = {
      interface: { ip_addresses: ["10.7.0.2/24"], mtu: 1400 },
      routes: [{ gateway: "10.7.0.1" }],
      neighbors: [{ ip_address: "10.7.0.9", hardware_addr: "02:00:00:00:07:09" }],
    };
    write(id, tapped({ name: "net1", guest_mac: "02:00:00:00:07:02", network_info }));
    const script = "ip addr; ip route; ip neigh; ping -c 1 -w 30 10.7.0.1; ping -c 1 -w 30 10.1.1.2";
    const { stdout, stderr } = await run(id, script, [], inPod());
    expect(stderr).to.equal("");
    expect(stdout)
      .to.match(/net1: <[^>]*UP[^>]*> mtu 1400/)
      .and.to.not.match(/eth0/);
    expect(stdout).to.contain("link/ether 02:00:00:00:07:02").and.contain("inet 10.7.0.2/24");
    expect(stdout).to.contain("default via 10.7.0.1 dev net1");
    expect(stdout).to.match(/10\.7\.0\.9 dev net1 lladdr 02:00:00:00:07:09 .*PERMANENT/);
    // The second one goes by the default route to another address of the namespace that the tap is in.
    expect(stdout.match(/1 packets received/g)).to.have.length(2);
    expect(pod.state()).to.equal(before);
  });

  describe("is a card that another program serves", () => {
    let testpmd: Testpmd | undefined;

    before(function () {
      const reason = noTestpmd();
      if (reason !== undefined) skip(this, reason);
    });

    afterEach(async () => {
      await testpmd?.close();
      testpmd = undefined;
    });

    /** Starts a testpmd on eth0, and writes a file for it. */
    async function serve(id: string, queuePairs: number): Promise<Testpmd> {
      // The kernel would answer for the link, too.
      pod.run("ip", ["address", "flush", "dev", "eth0"]);
      const { namespace, directory } = pod;
      testpmd = await Testpmd.start({ name: id, namespace, directory, link: "eth0", queuePairs });
      const network_info = {
        interface: { ip_addresses: ["10.1.1.2/24", "fd01:1::2/64"], mtu: 1450 },
        routes: [{ gateway: "10.1.1.1" }],
      };
      write(id, served({ device: { type: "vhost-user", path: testpmd.socket, queue_num: queuePairs }, network_info }));
      return testpmd;
    }

    for (const [machine, queuePairs] of [
      ["q35", 1],
      ["q35", 2],
      ["microvm", 1],
    ] as const) {
      it(`in a pod without a namespace, on ${machine} by queue pairs: ${queuePairs}`, async () => {
        const id = suite.newId();
        await serve(id, queuePairs);
        const script =
          "ip addr; ip route; ping -c 3 -w 60 10.1.1.1; ping -6 -c 1 -w 60 fd01:1::1; ls /sys/class/net/eth0/queues";
        const { stdout, stderr } = await run(id, script, [
          `machine_type = "${machine}"`,
          `default_vcpus = ${queuePairs}`,
        ]);
        expect(stderr).to.equal("");
        expect(stdout).to.match(/eth0: <[^>]*UP[^>]*> mtu 1450/);
        expect(stdout).to.contain("link/ether 02:00:00:00:00:01").and.contain("inet 10.1.1.2/24");
        expect(stdout).to.contain("default via 10.1.1.1 dev eth0");
        expect(stdout).to.contain("3 packets received").and.contain("1 packets received");
        expect(stdout.match(/^rx-/gm)).to.have.length(queuePairs);
        expect(pod.run("ip", ["neigh", "show", "10.1.1.2"], pod.host)).to.contain("lladdr 02:00:00:00:00:01");
      });
    }

    it("and the pod goes on when that ends", async () => {
      const id = suite.newId();
      const serving = await serve(id, 1);
      const { containerd } = suite;
      const { stderr } = await containerd.run(id, ["-d", ...configured()], ["sleep", "100000"]);
      expect(stderr).to.equal("");
      try {
        const carrier = async () => {
          const args = ["tasks", "exec", "--exec-id", "e", id, "cat", "/sys/class/net/eth0/carrier"];
          return (await containerd.ctr(args)).stdout.trim();
        };
        expect(await carrier()).to.equal("1");
        await serving.close();
        for (let looks = 0; looks < 50 && (await carrier()) !== "0"; looks++);
        expect(await carrier()).to.equal("0");
      } finally {
        await containerd.remove(id);
      }
    });

    it("and says which socket nobody listens on", async () => {
      const id = suite.newId();
      const { socket } = await serve(id, 1);
      await testpmd?.close();
      expect((await run(id, "true")).stderr).to.contain(`path is "${socket}", which is not there`);
    });
  });

  it("leaves the tap as it was when the shim is killed", async () => {
    const id = suite.newId();
    pod.run("ip", ["tuntap", "add", "dev", "tap0", "mode", "tap"]);
    const before = pod.state();
    write(id, tapped());
    const { stderr } = await suite.containerd.run(id, ["-d", ...configured(), ...inPod()], ["sleep", "100000"]);
    expect(stderr).to.equal("");
    process.kill(suite.containerd.shimOf(id), "SIGKILL");
    await suite.containerd.remove(id);
    for (let looks = 0; looks < 200 && pod.state() !== before; looks++) await sleep(50);
    expect(pod.state()).to.equal(before);
  });

  it("is the namespace's when there is no file of that sandbox", async () => {
    const id = suite.newId();
    write("another", tapped());
    const { stdout } = await run(id, "ip addr", [], inPod());
    expect(stdout).to.contain("inet 10.1.1.2/24");
  });

  it("fails the pod, with the place that is wrong, when the file is", async () => {
    const before = pod.state();
    const id = suite.newId();
    const file = write(id, tapped());
    expect((await run(id, "true", [], inPod())).stderr).to.contain(
      `${file}: devices[0].device.tap_name is "tap0", which is not in ${pod.namespace}; there are: lo, eth0`,
    );
    chmodSync(file, 0o666);
    expect((await run(id, "true", [], inPod())).stderr).to.match(/not taken from .*\.json \(runtime\.dan_conf, .*:2\)/);
    expect(pod.state()).to.equal(before);
  });
});
