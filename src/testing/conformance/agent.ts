import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Agent, AgentCapabilities } from "../../core/contracts/agent.js";
import type { GuestAddress } from "../../core/contracts/guest-address.js";
import { KataError } from "../../core/errors/error.js";
import { defaultSpec } from "../../core/oci/default-spec.js";
import { FakeAgent } from "../fake-agent.js";
import type { Place, Subject, Trial } from "./check.js";
import { failureOf, isSettled } from "./promises.js";
import type { Stage } from "./stage.js";

/** A guest that an agent plugin is tried with. */
export interface TrialGuest {
  readonly address: GuestAddress;
  /** Breaks all connections at once, and takes no more. */
  die(): void;
  /** Idempotent, also after `die`. */
  close(): Promise<void>;
}

/** What is told of an agent that is tried. */
export interface AgentSubject extends Subject {
  /**
   * Makes a guest whose agent speaks the plugin's protocol, and does what it is asked by asking `behind`: its errors and its
   * answers are the guest's.
   */
  readonly guest: (place: Place, behind: FakeAgent) => Promise<TrialGuest>;
}

type AgentTrial = Trial<AgentSubject, Agent>;

interface Far {
  readonly agent: Agent;
  readonly guest: TrialGuest;
  readonly behind: FakeAgent;
}

const never = (): AbortSignal => new AbortController().signal;
const container = { containerId: "c", execId: "c" };
const further = { containerId: "c", execId: "e" };
const sigterm = 15;
const mib = 2 ** 20;

/** More than any agent takes at once. */
const manyBytes = 3 * mib + 17;

const withGuest = (name: string, run: (far: Far, stage: Stage<AgentSubject, Agent>) => Promise<void>): AgentTrial => ({
  name,
  async run(stage) {
    const behind = new FakeAgent();
    const guest = await stage.subject.guest(stage, behind);
    try {
      await run({ agent: await stage.instance(), guest, behind }, stage);
    } finally {
      await guest.close();
    }
  },
});

/** A trial with a container that runs. */
const withContainer = (name: string, run: (far: Far) => Promise<void>): AgentTrial =>
  withGuest(name, async (far) => {
    const { agent, guest } = far;
    await agent.connect(guest.address, never());
    await agent.createSandbox({
      sandboxId: "s",
      hostname: "guest",
      dns: ["nameserver 192.0.2.1"],
      storages: [],
      sharedPidNamespace: false,
      guestHookPath: "",
      kernelModules: [],
    });
    const spec = defaultSpec({ rootPath: "/root", args: ["sleep", "1000"] });
    await agent.createContainer({ containerId: "c", spec, storages: [], devices: [], sharedPidNamespace: false });
    await agent.startContainer("c");
    await run(far);
    await agent.close();
  });

function assertCode(error: unknown, status?: string): void {
  assert.ok(error instanceof KataError, `it fails with ${String(error)}`);
  if (status !== undefined) assert.equal(error.status, status, error.message);
}

export const agentTrials: readonly AgentTrial[] = [
  withGuest("waits for the guest until its signal says otherwise", async ({ agent, guest }) => {
    guest.die();
    const reason = new Error("given up");
    const abort = new AbortController();
    const failure = failureOf(agent.connect(guest.address, abort.signal));
    setTimeout(() => abort.abort(reason), 50);
    assert.equal(await failure, reason);
  }),
  withGuest("connects, and closes without calling that a loss", async ({ agent, guest }, stage) => {
    await agent.connect(guest.address, never());
    await agent.check();
    assert.equal(typeof (await agent.guestDetails()).agentVersion, "string");
    await agent.close();
    await agent.close();
    assert.equal(await isSettled(agent.lost), false, "it calls it lost");
    assertCode(await failureOf(agent.check()));
    await guest.close();
    assert.deepEqual(await stage.left(), []);
  }),
  withGuest("refuses calls before it is connected with an error that has a code", async ({ agent }) => {
    assertCode(await failureOf(agent.startContainer("c")));
  }),
  withGuest("ends at once when it is told to, however often", async ({ agent, guest }) => {
    await agent.connect(guest.address, never());
    await agent.destroy(new Error("not wanted"));
    await agent.destroy(new Error("not wanted"));
    assertCode(await failureOf(agent.check()));
  }),
  {
    name: "says of a capability that nobody knows that it has none",
    async run(stage) {
      const agent = await stage.instance();
      assert.equal(agent.capability("no such" as keyof AgentCapabilities), undefined);
    },
  },
  withContainer("has the guest do what it is asked, in that order", async ({ agent, behind }) => {
    const { sandbox, containers } = behind;
    assert.equal(sandbox?.sandboxId, "s");
    assert.deepEqual(sandbox?.dns, ["nameserver 192.0.2.1"]);
    assert.deepEqual(containers.get("c")?.spec.process?.args, ["sleep", "1000"]);
    await agent.execProcess(further, { args: ["true"], cwd: "/", user: { uid: 0, gid: 0 } });
    await agent.pauseContainer("c");
    await agent.resumeContainer("c");
    assert.equal((await agent.stats("c")).pids?.current, 1n);
    behind.process("c", "e").end(3);
    assert.equal(await agent.waitProcess(further), 3);
    await agent.signalProcess(container, sigterm, false);
    assert.equal(await agent.waitProcess(container), 128 + sigterm);
    await agent.removeContainer("c");
    await agent.destroySandbox();
    const order = [
      "createSandbox",
      "createContainer",
      "startContainer",
      "execProcess",
      "pauseContainer",
      "resumeContainer",
      "stats",
      "signalProcess",
      "removeContainer",
      "destroySandbox",
    ];
    assert.deepEqual(
      behind.calls.filter((call) => order.includes(call)),
      order,
    );
  }),
  withContainer("passes on what a process writes, whole and in order, to its end", async ({ agent, behind }) => {
    const sent = randomBytes(manyBytes).toString("hex");
    behind.process("c").write("stdout", sent);
    behind.process("c").write("stderr", "a word");
    behind.process("c").closeOutput();
    let got = "";
    for (let some = await agent.readStdout(container, mib); some; some = await agent.readStdout(container, mib)) {
      assert.ok(some.length > 0 && some.length <= mib, `a piece has ${some.length} bytes`);
      got += Buffer.from(some).toString("latin1");
    }
    assert.ok(got === sent, `${got.length} bytes arrive of ${sent.length}, or others`);
    assert.equal(Buffer.from((await agent.readStderr(container, mib)) ?? []).toString(), "a word");
    assert.equal(await agent.readStderr(container, mib), undefined);
  }),
  withContainer("passes on what a process reads, whole and in order, and its end", async ({ agent, behind }) => {
    const sent = randomBytes(manyBytes);
    await agent.writeStdin(container, sent);
    await agent.closeStdin(container);
    assert.ok(Buffer.concat(behind.process("c").input).equals(sent), "other bytes arrive");
    assert.equal(behind.process("c").inputClosed, true);
    await agent.resizeTerminal(container, { rows: 5, columns: 7 });
    assert.deepEqual({ ...behind.process("c").size }, { rows: 5, columns: 7 });
  }),
  withContainer("fails with what the guest says", async ({ agent, behind }) => {
    behind.failures.set("pauseContainer", new KataError("KATA_FAKE", "NOT_FOUND", "no such thing in the guest"));
    const failure = await failureOf(agent.pauseContainer("c"));
    assertCode(failure, "NOT_FOUND");
    assert.match(String(failure), /no such thing in the guest/);
    await agent.check();
  }),
  withContainer("answers one call while another one waits", async ({ agent, behind }) => {
    const exit = agent.waitProcess(container);
    await agent.check();
    assert.equal(await isSettled(exit), false);
    behind.process("c").end(0);
    assert.equal(await exit, 0);
  }),
  withContainer("gives up waiting when its signal says so", async ({ agent }) => {
    const abort = new AbortController();
    const failure = failureOf(agent.waitProcess(container, abort.signal));
    abort.abort(new Error("given up"));
    assert.ok((await failure) instanceof Error);
    await agent.check();
  }),
  withContainer("says when the guest is lost, and fails what is under way", async ({ agent, guest }) => {
    const failure = failureOf(agent.waitProcess(container));
    guest.die();
    assert.ok((await agent.lost) instanceof Error);
    assertCode(await failure, "UNAVAILABLE");
    assertCode(await failureOf(agent.check()));
  }),
];
