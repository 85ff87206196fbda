import { readFileSync } from "node:fs";
import { expect } from "chai";
import { TestPod } from "../network/pod.js";
import { describeContainerd } from "./suite.js";

describeContainerd("the network of a pod", (suite) => {
  let pod: TestPod;

  beforeEach(() => {
    pod = new TestPod();
  });

  afterEach(() => pod.close());

  const network = () => ["--with-ns", `network:${pod.namespace}`];

  /** Runs a container in the pod to its end. */
  const run = (script: string) => suite.containerd.run(suite.newId(), ["--rm", ...network()], ["sh", "-c", script]);

  it("is in the guest as it is in the namespace, and is given back", async () => {
    const link = pod.index("eth0");
    pod.addPair("eth1", "peer1", 2);
    pod.route.changeLink(link, { mtu: 1400 });
    pod.route.addRoute({ family: "ipv4", link, gateway: "10.1.1.1" });
    pod.route.addRoute({ family: "ipv6", link, gateway: "fd01:1::1" });
    const before = pod.state();
    const { stdout, stderr } = await run(
      "ip addr; ip route; ip -6 route; ping -c 1 -w 30 10.1.1.1; ping -6 -c 1 -w 30 fd01:2::1",
    );
    expect(stderr).to.equal("");
    expect(stdout).to.match(/eth0: <[^>]*UP[^>]*> mtu 1400/);
    expect(stdout).to.contain("link/ether 02:00:00:00:01:02");
    expect(stdout).to.contain("inet 10.1.1.2/24").and.contain("inet6 fd01:1::2/64");
    expect(stdout).to.contain("inet 10.1.2.2/24").and.contain("inet6 fd01:2::2/64");
    expect(stdout).to.match(/default via 10\.1\.1\.1 dev eth0/);
    expect(stdout).to.match(/default via fd01:1::1 dev eth0/);
    expect(stdout.match(/1 packets received/g)).to.have.length(2);
    expect(pod.state()).to.equal(before);
  });

  it("follows links that come while the container runs, and that go", async () => {
    const id = suite.newId();
    const { containerd } = suite;
    expect((await containerd.run(id, ["-d", ...network()], ["sleep", "100000"])).stderr).to.equal("");
    const exec = async (command: string) =>
      (await containerd.ctr(["tasks", "exec", "--exec-id", "e", id, "sh", "-c", command])).stdout;
    const until = async (command: string, wanted: RegExp) => {
      let last = "";
      for (let looks = 0; looks < 100; looks++) {
        last = await exec(command);
        if (wanted.test(last)) return;
      }
      throw new Error(`no ${wanted} in: ${last}\n${readFileSync(containerd.logFile, "utf8").slice(-3000)}`);
    };
    try {
      pod.addPair("eth1", "peer1", 2);
      pod.route.addRoute({ family: "ipv4", link: pod.index("eth1"), gateway: "10.1.2.1" });
      await until("ip addr; ip route", /eth1[^]*10\.1\.2\.2\/24[^]*default via 10\.1\.2\.1/);
      expect(await exec("ping -c 1 -w 30 10.1.2.1")).to.contain("1 packets received");
      pod.route.removeLink(pod.index("eth1"));
      await until("ip link", /^(?![^]*eth1)/);
      expect(await exec("ping -c 1 -w 30 10.1.1.1")).to.contain("1 packets received");
      expect(pod.route.links().map(({ name }) => name)).to.have.members(["lo", "eth0", "tap0_kata"]);
    } finally {
      await containerd.remove(id);
    }
  });
});
