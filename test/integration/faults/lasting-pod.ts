import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { codeOf } from "../../../src/core/errors/error.js";
import { execRequest, MachineShim, type TaskClient } from "../../support/machine-shim.js";
import { expectNoLeaks, type Traces, traces } from "../../support/leaks.js";
import { podAnnotations } from "../../support/shim.js";

/** A pod with one container, "pod", in a machine that all tests of a suite have. */
export interface LastingPod {
  readonly shim: MachineShim;
  /** containerd's connection of the container. */
  readonly task: TaskClient;
  /** Runs a process in the container, to its end. */
  run(execId: string): Promise<void>;
}

/** What a process has open, but for sockets: clients come and go. */
function descriptors(pid: number): string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory)
    .flatMap((fd) => {
      try {
        return [readlinkSync(join(directory, fd))];
      } catch (error) {
        if (codeOf(error) === "ENOENT") return [];
        throw error;
      }
    })
    .filter((target) => !target.startsWith("socket:"))
    .sort();
}

/**
 * Runs a pod while the surrounding suite's tests do their harm. After each of them the pod must still work, and nothing may
 * be there but the pod, nor open in its shim; after all of them not even that.
 */
export function lastingPod(): LastingPod {
  let made: MachineShim | undefined;
  let client: TaskClient | undefined;
  let withPod: Traces = new Set();
  const pod: LastingPod = {
    get shim() {
      return made ?? expect.fail("the pod does not run yet");
    },
    get task() {
      return client ?? expect.fail("the pod does not run yet");
    },
    async run(execId) {
      const process = { id: "pod", execId };
      await pod.task.exec(execRequest("pod", execId, ["sh", "-c", "exit 5"]));
      await pod.task.start(process);
      expect((await pod.task.wait(process)).exitStatus).to.equal(5);
      await pod.task.delete(process);
    },
  };
  let opened: string[] = [];
  before(async () => {
    made = new MachineShim();
    client = await made.launch("pod", ["sleep", "1000"], { annotations: podAnnotations("sandbox", "pod") });
    await pod.run("first");
    withPod = traces(pod.shim.leakScope);
    opened = descriptors(pod.shim.shim("pod").pid);
  });
  afterEach("the pod works, and nothing else is there", async () => {
    await pod.run("after");
    await expectNoLeaks(withPod, pod.shim.leakScope);
    const { pid } = pod.shim.shim("pod");
    for (let looks = 0; looks < 100 && descriptors(pid).length > opened.length; looks++) await sleep(50);
    expect(descriptors(pid)).to.deep.equal(opened);
  });
  after(async () => {
    try {
      const process = pod.shim.shim("pod");
      await pod.shim.remove("pod");
      await pod.shim.gone(process);
      expect(pod.shim.leftovers()).to.deep.equal([]);
      await expectNoLeaks(new Set(), pod.shim.leakScope);
    } finally {
      await pod.shim.end();
    }
  });
  return pod;
}
