import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { messageOf } from "../../../src/core/errors/error.js";
import { ClusterNode, type RunningPod } from "../../support/cri/cluster-node.js";
import { checkLeaks } from "../../support/leaks.js";
import { skip } from "../../support/skip.js";
import { needsRoot } from "../sys/fixture.js";

const subnets = ["10.88.0.0/16", "fd88::/64"];

/** Runtime handlers: the distribution's own shows that what the tests expect is what a pod usually has. */
for (const handler of ["runc", "kata-ts"]) {
  describe(`pods of ${handler}, as the kubelet has them made`, () => {
    const mark = `kt${process.pid}${handler === "runc" ? "r" : "k"}`;
    let directory: string;
    let node: ClusterNode;
    const running: RunningPod[] = [];

    before("start containerd", async function () {
      needsRoot(this);
      directory = mkdtempSync(join(tmpdir(), "kata-ts-cri-"));
      node = await ClusterNode.open(directory);
    });

    after("end containerd", async () => {
      await node?.close();
      rmSync(directory, { recursive: true });
    });

    afterEach("end the pods", async () => {
      for (const pod of running.splice(0)) await node.endPod(pod);
    });

    checkLeaks(() => ({ marks: [mark, directory] }), 10_000);

    const run = async (more: Parameters<ClusterNode["runPod"]>[2] = {}): Promise<RunningPod> => {
      const pod = await node.runPod(handler, mark, more);
      running.push(pod);
      return pod;
    };

    const bridge = { type: "bridge", bridge: "br0", isGateway: true, ipMasq: false };

    it("have three containers, and reach each other and the host over IPv4 and IPv6", async () => {
      node.useNetwork({ name: "pods", plugins: [{ ...bridge, ipam: node.addressing(...subnets) }] });
      const one = await run({ hostname: "one", dns_config: { servers: ["10.88.0.1"], searches: ["test"] } });
      const two = await run();
      const first = await node.runContainer(one, "first");
      const others = [await node.runContainer(one, "second"), await node.runContainer(one, "third", "exit 7")];
      const other = await node.runContainer(two, "other", "nc -ll -p 4711 -e cat");
      expect((await node.cri.exec(first, "hostname")).stdout).to.equal("one\n");
      expect((await node.cri.exec(first, "cat", "/etc/resolv.conf")).stdout).to.equal(
        "search test\nnameserver 10.88.0.1\n",
      );
      const links = await node.cri.exec(first, "ip", "address", "show", "eth0");
      for (const address of one.addresses) expect(links.stdout).to.contain(`${address}/`);
      for (const target of [...two.addresses, "10.88.0.1", "fd88::1"]) await assertReaches(first, target);
      for (const target of two.addresses) {
        const { stdout } = await node.cri.exec(first, "sh", "-c", `echo hello | nc -w 5 ${target} 4711`);
        expect([target, stdout]).to.deep.equal([target, "hello\n"]);
      }
      expect((await node.cri.exec(others[0]!, "ip", "address", "show", "eth0")).stdout).to.contain(one.addresses[0]!);
      let status = await node.cri.containerStatus(others[1]!);
      for (let looks = 0; looks < 100 && status.state === "CONTAINER_RUNNING"; looks++) {
        status = await node.cri.containerStatus(others[1]!);
      }
      expect(status).to.deep.include({ state: "CONTAINER_EXITED", exit_code: 7 });
      for (const id of [...others, first, other]) {
        await node.cri.stopContainer(id, 0);
        await node.cri.removeContainer(id);
      }
    });

    /** Whether a pod reaches an address, by a packet there and back. */
    async function assertReaches(container: string, target: string): Promise<void> {
      const { status, stdout, stderr } = await node.cri.exec(container, "ping", "-c", "1", "-w", "20", target);
      expect([target, status], stdout + stderr).to.deep.equal([target, 0]);
    }

    it("speak UDP with the host, both ways, over IPv4 and IPv6", async () => {
      node.useNetwork({ name: "pods", plugins: [{ ...bridge, ipam: node.addressing(...subnets) }] });
      const pod = await run();
      const container = await node.runContainer(pod, "only");
      for (const [type, host] of [
        ["udp4", "10.88.0.1"],
        ["udp6", "fd88::1"],
      ] as const) {
        const server = await node.tftpServer(type);
        const fetch = ["timeout", "20", "tftp", "-g", "-r", "file", "-l", "/dev/stdout", host, String(server.port)];
        const { stdout } = await node.cri.exec(container, ...fetch).finally(() => server.close());
        expect([type, stdout]).to.deep.equal([type, "hello\n"]);
      }
    });

    it("speak TCP with the host over IPv4 and IPv6", async () => {
      node.useNetwork({ name: "pods", plugins: [{ ...bridge, ipam: node.addressing(...subnets) }] });
      const container = await node.runContainer(await run(), "only");
      const server = node.echoServer();
      try {
        for (const host of ["10.88.0.1", "fd88::1"]) {
          const command = `echo hello | nc -w 5 ${host} ${server.port}`;
          const { stdout, stderr } = await node.cri.exec(container, "sh", "-c", command);
          expect([host, stdout], stderr).to.deep.equal([host, "hello\n"]);
        }
      } finally {
        server.close();
      }
    });

    it("speak UDP with each other over IPv4 and IPv6", async () => {
      node.useNetwork({ name: "pods", plugins: [{ ...bridge, ipam: node.addressing(...subnets) }] });
      const [one, two] = [await run(), await run()];
      await node.runTftpServer(two);
      const container = await node.runContainer(one, "only");
      for (const host of two.addresses) {
        // asks again by itself, until the server listens
        const fetch = ["timeout", "50", "tftp", "-g", "-r", "file", "-l", "/dev/stdout", host];
        const { stdout, stderr } = await node.cri.exec(container, ...fetch);
        expect([host, stdout], stderr).to.deep.equal([host, "hello\n"]);
      }
    });

    it("have their loopback and nothing else, when their network has no link", async () => {
      // The interface demands an address of every network: this one tells of an address, and makes no link for it.
      const ips = [{ version: "4", address: "192.0.2.1/32", interface: 0 }];
      const prevResult = { cniVersion: "0.4.0", interfaces: [{ name: "eth0", sandbox: "none" }], ips };
      node.useNetwork({ name: "pods", plugins: [{ type: "tuning", prevResult }] });
      const container = await node.runContainer(await run(), "only");
      const { stdout } = await node.cri.exec(container, "ls", "/sys/class/net");
      expect(stdout).to.equal("lo\n");
      await assertReaches(container, "127.0.0.1");
      const { status } = await node.cri.exec(container, "ping", "-c", "1", "-w", "1", "10.88.0.1");
      expect(status).to.not.equal(0);
    });

    it("have a link of their own to the host (ptp)", async () => {
      node.useNetwork({ name: "pods", plugins: [{ type: "ptp", ipam: node.addressing(...subnets) }] });
      const [one, two] = [await run(), await run()];
      const container = await node.runContainer(one, "only");
      for (const address of two.addresses) await assertReaches(container, address);
    });

    it("have a macvlan of the host's link", async () => {
      node.addUplink("up0");
      const plugin = { type: "macvlan", master: "up0", mode: "bridge", ipam: node.addressing(...subnets) };
      node.useNetwork({ name: "pods", plugins: [plugin] });
      const [one, two] = [await run(), await run()];
      const container = await node.runContainer(one, "only");
      await node.runContainer(two, "other");
      for (const address of two.addresses) await assertReaches(container, address);
    });

    it("have a limited bandwidth", async () => {
      const limits = { type: "bandwidth", ingressRate: 80_000_000, ingressBurst: 80_000_000 };
      const plugins = [{ ...bridge, ipam: node.addressing(...subnets) }, limits];
      node.useNetwork({ name: "pods", plugins });
      const container = await node.runContainer(await run(), "only");
      await assertReaches(container, "10.88.0.1");
    });

    it("have ports of the host", async function () {
      if (!node.hasPacketFilter()) skip(this, "iptables cannot translate addresses here");
      const plugins = [
        { ...bridge, ipam: node.addressing(...subnets) },
        { type: "portmap", capabilities: { portMappings: true } },
      ];
      node.useNetwork({ name: "pods", plugins });
      const mapping = { protocol: "TCP", container_port: 80, host_port: 8080, host_ip: "10.88.0.1" };
      const pod = await run({ port_mappings: [mapping] });
      const other = await run();
      await node.runContainer(pod, "server", "nc -ll -p 80 -e cat");
      const client = await node.runContainer(other, "client");
      const { stdout } = await node.cri.exec(client, "sh", "-c", "echo hello | nc -w 5 10.88.0.1 8080");
      expect(stdout).to.equal("hello\n");
    });

    if (handler === "kata-ts") {
      it("are refused the host's network, with the reason", async () => {
        const network = "NODE";
        const failure = await run({ linux: { security_context: { namespace_options: { network } } } }).catch(messageOf);
        expect(failure).to.match(/the host's network, which a virtual machine cannot use/);
      });
    }
  });
}
