import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { messageOf } from "../../../src/core/errors/error.js";
import { ClusterNode, type RunningPod } from "../../support/cri/cluster-node.js";
import { checkLeaks } from "../../support/leaks.js";
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
      for (const target of [...two.addresses, "10.88.0.1", "fd88::1"]) {
        const { status, stdout } = await node.cri.exec(first, "ping", "-c", "1", "-w", "20", target);
        expect([target, status, stdout]).to.deep.equal([target, 0, stdout]);
      }
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

    if (handler === "kata-ts") {
      it("are refused the host's network, with the reason", async () => {
        const network = "NODE";
        const failure = await run({ linux: { security_context: { namespace_options: { network } } } }).catch(messageOf);
        expect(failure).to.match(/the host's network, which a virtual machine cannot use/);
      });
    }
  });
}
