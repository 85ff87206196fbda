import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { ClusterNode, type RunningPod } from "../../support/cri/cluster-node.js";
import { checkLeaks } from "../../support/leaks.js";
import { needsRoot } from "../sys/fixture.js";

/** Networks that pods get addresses of. */
export const subnets: readonly string[] = ["10.88.0.0/16", "fd88::/64"];

/** A node of a cluster for the tests of a suite. */
export interface NodeSuite {
  readonly node: ClusterNode;
  /** Runs a pod, which is ended after the test. */
  run(more?: Parameters<ClusterNode["runPod"]>[2]): Promise<RunningPod>;
  /** Ends it before that. */
  end(pod: RunningPod): Promise<void>;
  /** Fails unless a container reaches an address, by one packet there and back; a card may lose the first ones. */
  assertReaches(container: string, target: string): Promise<void>;
}

let last = 0;

/** A suite of tests with a node of its own, whose pods are of one runtime handler. Nothing may be left after each test. */
export function describeNode(title: string, handler: string, define: (suite: NodeSuite) => void): void {
  describe(title, () => {
    const mark = `kt${process.pid}n${++last}`;
    let directory: string;
    let node: ClusterNode | undefined;
    const running: RunningPod[] = [];

    const there = (): ClusterNode => {
      if (node === undefined) throw new Error("the node is not started before the tests");
      return node;
    };

    before("start containerd", async function () {
      needsRoot(this);
      directory = mkdtempSync(join(tmpdir(), "kata-ts-cri-"));
      node = await ClusterNode.open(directory);
    });

    after("end containerd", async () => {
      if (node === undefined) return;
      await node.close();
      rmSync(directory, { recursive: true });
    });

    afterEach("end the pods", async () => {
      for (const pod of running.splice(0)) await there().endPod(pod);
    });

    checkLeaks(() => ({ marks: [mark, directory] }), 10_000);

    define({
      get node(): ClusterNode {
        return there();
      },
      async run(more = {}) {
        const pod = await there().runPod(handler, mark, more);
        running.push(pod);
        return pod;
      },
      async end(pod) {
        running.splice(running.indexOf(pod), 1);
        await there().endPod(pod);
      },
      async assertReaches(container, target) {
        const { status, stdout, stderr } = await there().cri.exec(container, "ping", "-c", "10", "-w", "20", target);
        expect([target, status], stdout + stderr).to.deep.equal([target, 0]);
      },
    });
  });
}
