import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { TrafficHandle } from "../../../src/core/sys/netlink/traffic-control.js";
import { TestPod } from "../../support/test-pod.js";
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

  const logged = (): string => suite.containerd.log;

  const exec = async (id: string, command: string): Promise<string> =>
    (await suite.containerd.ctr(["tasks", "exec", "--exec-id", "e", id, "sh", "-c", command])).stdout;

  /** Waits until a command of a container prints something. */
  async function until(id: string, command: string, wanted: RegExp): Promise<void> {
    let last = "";
    for (let looks = 0; looks < 100; looks++) {
      last = await exec(id, command);
      if (wanted.test(last)) return;
    }
    throw new Error(`no ${wanted} in: ${last}\n${logged().slice(-3000)}`);
  }

  /** What a container is said to have sent and received by a link; undefined where containerd's form has no network. */
  async function trafficOf(id: string, link: string) {
    const { stdout } = await suite.containerd.ctr(["tasks", "metrics", "--format", "json", id]);
    const { network } = JSON.parse(stdout) as { network?: { name: string; rx_bytes: number; tx_bytes: number }[] };
    return network?.find(({ name }) => name === link);
  }

  /** What the host's end of a link has sent and received. */
  function hostTraffic(link: string): { sent: number; received: number } {
    const text = pod.run("ip", ["-json", "-s", "link", "show", link], pod.host);
    const [{ stats64 }] = JSON.parse(text) as [{ stats64: { rx: { bytes: number }; tx: { bytes: number } } }];
    return { sent: stats64.tx.bytes, received: stats64.rx.bytes };
  }

  it("follows links that come while the container runs, and that go", async () => {
    const id = suite.newId();
    const { containerd } = suite;
    expect((await containerd.run(id, ["-d", ...network()], ["sleep", "100000"])).stderr).to.equal("");
    try {
      pod.addPair("eth1", "peer1", 2);
      pod.route.addRoute({ family: "ipv4", link: pod.index("eth1"), gateway: "10.1.2.1" });
      await until(id, "ip addr; ip route", /eth1[^]*10\.1\.2\.2\/24[^]*default via 10\.1\.2\.1/);
      expect(await exec(id, "ping -c 1 -w 30 10.1.2.1")).to.contain("1 packets received");
      const told = await trafficOf(id, "eth1");
      const { sent, received } = hostTraffic("peer1");
      // The link may have had packets before the guest had its card, and since; a ping is a frame of 98 bytes.
      if (told !== undefined) expect([told.rx_bytes >= 98, told.rx_bytes <= sent]).to.deep.equal([true, true]);
      if (told !== undefined) expect([told.tx_bytes >= 98, told.tx_bytes <= received]).to.deep.equal([true, true]);
      const link = pod.index("eth1");
      pod.route.addAddress({ link, family: "ipv4", address: "10.5.0.2", prefix: 24 });
      pod.route.changeLink(link, { mtu: 1300 });
      await until(id, "ip addr show eth1", /mtu 1300[^]*10\.1\.2\.2\/24[^]*10\.5\.0\.2\/24/);
      pod.route.removeLink(pod.index("eth1"));
      await until(id, "ip link", /^(?![^]*eth1)/);
      expect(await exec(id, "ping -c 1 -w 30 10.1.1.1")).to.contain("1 packets received");
      expect(pod.links()).to.have.members(["eth0", "tap0_kata"]);
      pod.route.removeLink(pod.index("eth0"));
      await until(id, "ip link", /^(?![^]*eth0)/);
      expect(pod.links()).to.deep.equal([]);
    } finally {
      await containerd.remove(id);
    }
  });

  it("goes on without a link that cannot be added, and does not try it again until something changes", async () => {
    const id = suite.newId();
    const { containerd } = suite;
    expect((await containerd.run(id, ["-d", ...network()], ["sleep", "100000"])).stderr).to.equal("");
    const failures = () => logged().split("cannot follow the pod's network").length - 1;
    const failed = failures();
    try {
      pod.route.createLink({ name: "eth1" }, { kind: "veth", peer: { name: "other" } });
      const link = pod.index("eth1");
      const mirred = { mode: "mirror", direction: "egress", link: pod.index("other") } as const;
      pod.route.addQdisc({ link, kind: "ingress" });
      pod.route.addFilter({ link, parent: TrafficHandle.ingressQdisc, kind: "u32", mirred });
      pod.route.addAddress({ link, family: "ipv4", address: "10.7.0.2", prefix: 24 });
      for (let looks = 0; looks < 200 && failures() === failed; looks++) await sleep(20);
      // the tap that was made and removed on the way is a change, but none of the pod's
      await sleep(1000);
      expect(failures() - failed).to.be.within(1, 3);
      expect(logged()).to.match(/the link \\*"eth1\\*" of .* has a qdisc \\*"ingress\\*" already/);
      pod.route.removeQdisc(link, TrafficHandle.ingress);
      pod.addPair("eth2", "peer2", 2);
      await until(id, "ip addr", /10\.7\.0\.2[^]*10\.1\.2\.2/);
    } finally {
      await containerd.remove(id);
    }
  });

  it("is nothing but the loopback, and not looked at, by internetworking_model none", async () => {
    pod.route.createLink({ name: "br0" }, { kind: "bridge" });
    pod.route.addAddress({ link: pod.index("br0"), family: "ipv4", address: "10.9.0.1", prefix: 24 });
    const before = pod.state();
    const toml = join(suite.containerd.directory, "configuration.toml");
    writeFileSync(toml, '[runtime]\ninternetworking_model = "none"\n');
    const flags = ["--rm", "--runtime-config-path", toml, ...network()];
    const script = "ls /sys/class/net; ip route; ping -c 1 -w 30 127.0.0.1";
    const { stdout, stderr } = await suite.containerd.run(suite.newId(), flags, ["sh", "-c", script]);
    expect(stderr).to.equal("");
    expect(stdout)
      .to.match(/^lo\nPING /)
      .and.contain("1 packets received");
    expect(pod.state()).to.equal(before);
  });

  describe("is given back as it was found", () => {
    let before: string;

    beforeEach(() => {
      before = pod.state();
    });

    /** Waits until the namespace is as it was; containerd has a dead shim's leavings removed by itself. */
    async function assertGivenBack(): Promise<void> {
      for (let looks = 0; looks < 200 && pod.state() !== before; looks++) await sleep(50);
      expect(pod.state()).to.equal(before);
    }

    const start = (id: string) => suite.containerd.run(id, ["-d", ...network()], ["sleep", "100000"]);

    it("after the machine was killed", async () => {
      const id = suite.newId();
      expect((await start(id)).stderr).to.equal("");
      process.kill(suite.containerd.machineOf(id), "SIGKILL");
      await assertGivenBack();
      await suite.containerd.remove(id);
    });

    it("after the machine was killed at some step of its start", async () => {
      for (const ms of [0, 100, 500, 2000]) {
        const id = suite.newId();
        const starting = start(id);
        let machine: number | undefined;
        for (let looks = 0; looks < 2000 && machine === undefined; looks++) {
          machine = suite.containerd.startedMachineOf(id);
          await sleep(2);
        }
        if (machine === undefined) throw new Error("no machine was started");
        await sleep(ms);
        process.kill(machine, "SIGKILL");
        const { status, stderr } = await starting;
        expect(status, `killed after ${ms} ms`).to.not.equal(0);
        expect(stderr).to.match(/SIGKILL/);
        await assertGivenBack();
        await suite.containerd.remove(id);
      }
    });

    for (const { how, trigger } of [
      { how: "panicked", trigger: "c" },
      { how: "switched itself off", trigger: "o" },
      { how: "restarted itself", trigger: "b" },
    ]) {
      it(`after the guest ${how}`, async () => {
        const id = suite.newId();
        const { containerd } = suite;
        const flags = ["-d", "--cap-add", "CAP_SYS_ADMIN", ...network()];
        expect((await containerd.run(id, flags, ["sleep", "100000"])).stderr).to.equal("");
        expect(pod.state()).to.not.equal(before);
        const command = `mkdir /all; mount -t proc proc /all && echo ${trigger} > /all/sysrq-trigger`;
        const ended = await containerd.ctr(["tasks", "exec", "--exec-id", "e", id, "sh", "-c", command]);
        expect(ended.status, ended.stderr).to.not.equal(0);
        await assertGivenBack();
        await containerd.remove(id);
      });
    }

    it("after the shim was killed", async () => {
      const id = suite.newId();
      expect((await start(id)).stderr).to.equal("");
      process.kill(suite.containerd.shimOf(id), "SIGKILL");
      await assertGivenBack();
      await suite.containerd.remove(id);
    });

    it("after the shim was killed at some step of its start", async () => {
      for (const ms of [0, 30, 60, 100, 150, 250, 1000, 2500]) {
        const id = suite.newId();
        const starting = start(id);
        let shim = 0;
        while (!(shim > 0)) {
          shim = suite.containerd.shimOf(id);
          await sleep(5);
        }
        await sleep(ms);
        process.kill(shim, "SIGKILL");
        expect((await starting).status, `killed after ${ms} ms`).to.not.equal(0);
        await assertGivenBack();
        await suite.containerd.remove(id);
      }
    });

    it("after a start that fails late", async () => {
      const id = suite.newId();
      const { stderr } = await suite.containerd.run(id, ["-d", ...network()], ["/no/such/program"]);
      expect(stderr).to.contain("/no/such/program");
      await assertGivenBack();
      await suite.containerd.remove(id);
    });

    it("after a link that nobody takes", async () => {
      pod.route.createLink({ name: "br0" }, { kind: "bridge" });
      pod.route.addAddress({ link: pod.index("br0"), family: "ipv4", address: "10.9.0.1", prefix: 24 });
      before = pod.state();
      const id = suite.newId();
      expect((await start(id)).stderr).to.match(/"br0" of kind "bridge".*there are: .*"veth"/);
      await assertGivenBack();
      await suite.containerd.remove(id);
    });
  });
});
