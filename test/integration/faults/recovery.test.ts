import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { identityOf, type ProcessIdentity } from "../../../src/core/process/identity.js";
import { execRequest, MachineShim, type TaskClient } from "../../support/machine-shim.js";
import { expectNoLeaks, type Traces, traces } from "../../support/leaks.js";
import { type Finished, runProgram } from "../../support/program.js";
import { needsRoot } from "../../support/needs-root.js";
import { podAnnotations } from "../../support/shim.js";
import { TestPod } from "../../support/test-pod.js";

const kataTs = fileURLToPath(new URL("../../../src/bin/kata-ts/main.js", import.meta.url));

/** Counts to a file of its own until it is ended, and says each number. */
const counter = ["sh", "-c", "i=0; while true; do echo $i; i=$((i+1)); sleep 1; done"];

/** One line of `kata-ts recover --json`. */
interface Row {
  readonly sandbox: string;
  readonly state: string;
  readonly pid: number;
  readonly containers: readonly string[];
  readonly code: string;
}

describe("a sandbox whose shim was killed", () => {
  let shim: MachineShim;
  let network: TestPod;
  let untouched: string;
  let clean: Traces;
  before(function () {
    needsRoot(this);
    shim = new MachineShim();
    clean = traces(shim.leakScope);
    network = new TestPod();
    untouched = network.state();
  });
  after(async () => {
    await shim?.end();
    network?.close();
  });

  /** Starts a pod with links of its own. */
  const launchPod = () =>
    shim.launch("pod", ["sleep", "1000"], {
      annotations: podAnnotations("sandbox", "pod"),
      change: (spec) => {
        const namespaces = (spec.linux?.namespaces ?? []).filter(({ type }) => type !== "network");
        return {
          ...spec,
          linux: { ...spec.linux, namespaces: [...namespaces, { type: "network", path: network.namespace }] },
        };
      },
    });

  /** Expects that the guest's kernel refuses a connection at an address: it got the frames, and its own come back. */
  function expectAnswer(address: string): void {
    const dial = `exec 3<>/dev/tcp/${address}/9`;
    expect(() => network.run("timeout", ["10", "bash", "-c", dial], network.host)).to.throw(/Connection refused/);
  }

  /** What a container's process prints. */
  async function printed(task: TaskClient, execId: string, command: readonly string[]): Promise<string> {
    const file = join(shim.directory, execId);
    await task.exec(execRequest("c1", execId, command, { stdout: `file://${file}` }));
    await task.start({ id: "c1", execId });
    await task.wait({ id: "c1", execId });
    await task.delete({ id: "c1", execId });
    return readFileSync(file, "utf8");
  }

  const recover = async (...args: readonly string[]): Promise<Finished & { rows: Row[] }> => {
    const roots = ["--run", shim.roots.run, "--shim", shim.program, "--json"];
    const finished = await runProgram(process.execPath, [kataTs, "recover", ...args, ...roots], { ms: 180_000 });
    return { ...finished, rows: JSON.parse(finished.stdout) as Row[] };
  };

  async function killShim(): Promise<ProcessIdentity> {
    const one = shim.shim("pod");
    process.kill(one.pid, "SIGKILL");
    await shim.gone(one);
    return one;
  }

  /** Waits until a container has written a line that it had not, and gives all numbers that it wrote. */
  async function nextLine(id: string): Promise<number[]> {
    const length = shim.output(id).length;
    for (let looks = 0; shim.output(id).length === length; looks++) {
      if (looks > 600) throw new Error(`"${id}" writes no more`);
      await sleep(50);
    }
    return shim.output(id).trim().split("\n").map(Number);
  }

  const state = async (task: TaskClient, id: string) => (await task.state({ id, execId: "" })).status;

  it("lives on, and is served by the next one: containers, processes, output, ends", async () => {
    await launchPod();
    const task = await shim.launch("c1", counter, { annotations: podAnnotations("container", "pod") });
    const exec = (execId: string, script: string) => execRequest("c1", execId, ["sh", "-c", script]);
    await task.exec(exec("short", "sleep 1; exit 7"));
    await task.start({ id: "c1", execId: "short" });
    await task.exec(exec("added", "exit 8"));
    const address = shim.bundle("pod").address;
    const machine = shim.recordedPid("pod", "qemu");
    await nextLine("c1");
    const dead = await killShim();
    // Nobody listens while this one ends.
    await sleep(2_000);
    const told = shim.events.topics("c1").length;

    const listed = await recover("--list");
    expect(listed.rows).to.deep.equal([
      {
        namespace: "test",
        sandbox: "pod",
        state: "recoverable",
        pid: machine,
        containers: ["pod", "c1"],
        reason: "",
        code: "",
      },
    ]);
    const recovered = await recover();
    expect(recovered.stderr).to.equal("");
    expect(recovered).to.include({ status: 0 });
    expect(recovered.rows[0]).to.include({ sandbox: "pod", state: "recovered" });
    shim.noteShims();
    expect(shim.shim("pod").pid).not.to.equal(dead.pid);
    expect(shim.bundle("pod").address).to.equal(address);
    expect(shim.claim("pod")?.socket).to.equal(address?.replace("unix://", ""));
    expect((await recover()).rows[0]).to.include({ state: "served", pid: shim.shim("pod").pid });

    const again = await shim.client("c1");
    expect(await again.connect({ id: "c1" })).to.deep.include({ taskPid: machine });
    expect((await again.wait({ id: "c1", execId: "short" })).exitStatus).to.equal(7);
    expect(shim.events.topics("c1").slice(told)).to.deep.equal(["exit"]);
    await again.delete({ id: "c1", execId: "short" });
    // It was added before, and never started.
    await again.start({ id: "c1", execId: "added" });
    expect((await again.wait({ id: "c1", execId: "added" })).exitStatus).to.equal(8);
    await again.exec(exec("new", "exit 9"));
    await again.start({ id: "c1", execId: "new" });
    expect((await again.wait({ id: "c1", execId: "new" })).exitStatus).to.equal(9);
    expect((await again.stats({ id: "c1" })).stats?.typeUrl).to.match(/Metrics$/);
    const numbers = await nextLine("c1");
    expect(numbers).to.deep.equal(numbers.map((_, index) => index));
  });

  it("is followed by its links as they come and go", async () => {
    const task = await shim.client("c1");
    expectAnswer("10.1.1.2");
    network.addPair("eth1", "peer1", 2);
    const links = async (execId: string) => printed(task, execId, ["ip", "-o", "link"]);
    for (let looks = 0; !(await links(`come${looks}`)).includes("eth1"); looks++) {
      if (looks > 100) throw new Error("the guest gets no card");
    }
    expectAnswer("10.1.2.2");
    network.route.removeLink(network.index("eth1"));
    for (let looks = 0; (await links(`gone${looks}`)).includes("eth1"); looks++) {
      if (looks > 100) throw new Error("the guest keeps its card");
    }
    expectAnswer("10.1.1.2");
  });

  it("takes containers from then on, and gives back what those had that it was found with", async () => {
    const files = join(shim.directory, "files");
    const annotations = podAnnotations("container", "pod");
    writeFileSync(files, "of the host\n");
    const bind = { destination: "/files", type: "bind", source: files, options: ["rbind", "ro"] };
    await shim.launch("c2", ["cat", "/files"], {
      annotations,
      change: (spec) => ({ ...spec, mounts: [...(spec.mounts ?? []), bind] }),
    });
    const task = await shim.client("c2");
    expect((await task.wait({ id: "c2", execId: "" })).exitStatus).to.equal(0);
    expect(shim.output("c2")).to.equal("of the host\n");
    await killShim();
    await shim.start("pod");
    const again = await shim.client("c2");
    expect((await again.wait({ id: "c2", execId: "" })).exitStatus).to.equal(0);
    await again.delete({ id: "c2", execId: "" });
    const mounted = readFileSync("/proc/self/mountinfo", "utf8");
    expect(mounted).not.to.include("/c2/").and.not.to.include(files);
    expect(mounted).to.include("/c1/rootfs");
    await again.kill({ id: "c1", execId: "", signal: 9, all: true });
    expect((await again.wait({ id: "c1", execId: "" })).exitStatus).to.equal(137);
    await again.delete({ id: "c1", execId: "" });
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.to.include("/c1/");
    expect(await state(again, "pod")).to.equal(2);
  });

  it("ends as any other, and leaves nothing", async () => {
    const last = shim.shim("pod");
    await shim.remove("pod");
    await shim.gone(last);
    expect(shim.leftovers()).to.deep.equal([]);
    expect(network.state()).to.equal(untouched);
    await expectNoLeaks(clean, shim.leakScope);
  });

  it("is lost when its machine has ended too: that is said, and what is left is removed", async () => {
    await launchPod();
    const machine = identityOf(shim.recordedPid("pod", "qemu"));
    if (machine === undefined) throw new Error("there is no machine");
    await killShim();
    process.kill(machine.pid, "SIGKILL");
    await shim.gone(machine);
    const listed = await recover("--list", "--sandbox", "pod");
    expect(listed.status).to.equal(1);
    expect(listed.rows[0]).to.include({ state: "lost", code: "KATA_RECOVER_PART" });
    const cleaned = await recover("--clean");
    expect(cleaned.rows[0]).to.include({ state: "cleaned" });
    expect(cleaned.status).to.equal(0);
    expect((await recover()).rows).to.deep.equal([]);
    expect(network.state()).to.equal(untouched);
    expect(shim.leftovers()).to.deep.equal([]);
    await expectNoLeaks(clean, shim.leakScope);
  });
});
