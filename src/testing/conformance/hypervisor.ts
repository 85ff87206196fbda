import assert from "node:assert/strict";
import type { Device } from "../../core/contracts/device.js";
import type { Hypervisor, HypervisorCapabilities, VmSpec } from "../../core/contracts/hypervisor.js";
import { codeOf, KataError } from "../../core/errors/error.js";
import type { Subject, Trial } from "./check.js";
import type { Stage } from "./stage.js";
import { failureOf, isSettled } from "./promises.js";

/** What is told of a hypervisor that is tried. */
export interface HypervisorSubject extends Subject {
  /** What machines are started with, where it is not one vCPU and 128 MiB. */
  readonly vm?: Partial<VmSpec>;
  /** Why no machine can be started here, in words; absent when one can. */
  readonly cannotStart?: string;
  /** A device that it takes before the machine starts, made below a directory that is the trial's. */
  readonly device?: (directory: string) => Device;
  /** Kills a machine that runs, as a fault would: its process, or its threads. */
  readonly crash?: (machine: Hypervisor) => void;
}

type HypervisorTrial = Trial<HypervisorSubject, Hypervisor>;
type HypervisorStage = Stage<HypervisorSubject, Hypervisor>;

/** Every capability there is. */
const capabilities = [
  "resize",
  "pause",
  "snapshot",
  "block-hotplug",
  "net-hotplug",
  "fs-sharing",
  "adopt",
  "vcpu-threads",
] as const satisfies readonly (keyof HypervisorCapabilities)[];

const never = (): AbortSignal => new AbortController().signal;

const spec = ({ subject }: HypervisorStage): VmSpec => ({
  vcpus: 1,
  memoryMiB: 128,
  kernelParameters: [],
  fixedSize: true,
  ...subject.vm,
});

async function started(stage: HypervisorStage): Promise<Hypervisor> {
  const machine = await stage.instance();
  await machine.start(spec(stage), never());
  return machine;
}

/** A trial for which a machine is started. */
const withMachine = (
  name: string,
  run: (machine: Hypervisor, stage: HypervisorStage) => Promise<void>,
  without?: HypervisorTrial["without"],
): HypervisorTrial => ({
  name,
  without: (subject) => subject.cannotStart ?? without?.(subject),
  run: async (stage) => run(await started(stage), stage),
});

async function assertGone(machine: Hypervisor, stage: HypervisorStage): Promise<void> {
  assert.equal((await machine.exited).expected, true, '"exited" does not say that the end was wanted');
  assert.deepEqual(await stage.left(), []);
}

export const hypervisorTrials: readonly HypervisorTrial[] = [
  {
    name: "says from the beginning where the guest will be, each machine elsewhere",
    async run(stage) {
      const { guestAddress: address } = await stage.instance();
      assert.ok(
        ["vsock", "hybrid-vsock", "virtio-serial"].includes(address.kind),
        `it has the address ${address.kind}`,
      );
      if (address.kind === "vsock") return;
      const path = address.kind === "hybrid-vsock" ? address.path : address.directory;
      const { runDirectory } = stage.environment.info;
      assert.ok(
        path === runDirectory || path.startsWith(`${runDirectory}/`),
        `${path} is not in the sandbox's run directory`,
      );
    },
  },
  {
    name: "may be ended though it never started",
    async run(stage) {
      const machine = await stage.instance();
      assert.equal(await isSettled(machine.exited), false, '"exited" has settled before the start');
      await machine.stop();
      await machine.destroy(new Error("not wanted"));
      assert.deepEqual(await stage.left(), []);
    },
  },
  {
    name: "does not start when its signal says so",
    async run(stage) {
      const machine = await stage.instance();
      const reason = new Error("given up");
      assert.equal(await failureOf(machine.start(spec(stage), AbortSignal.abort(reason))), reason);
      assert.deepEqual(await stage.left(), []);
    },
  },
  {
    name: "gives up a start in the middle of it",
    without: ({ cannotStart }) => cannotStart,
    async run(stage) {
      const machine = await stage.instance();
      const abort = new AbortController();
      const reason = new Error("given up");
      const failure = failureOf(machine.start(spec(stage), abort.signal));
      setImmediate(() => abort.abort(reason));
      // A start that was quicker is no fault.
      assert.ok([reason, undefined].includes((await failure) as Error | undefined), "it rejects with another reason");
      await machine.destroy(reason);
      assert.deepEqual(await stage.left(), []);
    },
  },
  {
    name: "takes devices before it starts, and gives them back",
    without: ({ device }) => (device === undefined ? "no device is given that it takes" : undefined),
    async run(stage) {
      const machine = await stage.instance();
      const device = stage.subject.device?.(stage.directory);
      if (device === undefined) return;
      assert.equal((await machine.addDevice(device)).id, device.id);
      assert.ok((await failureOf(machine.addDevice(device))) instanceof KataError, "it takes the same device twice");
      await machine.removeDevice(device.id);
      await machine.addDevice(device);
    },
  },
  {
    name: "refuses a device of a kind that it does not know with an error that has a code",
    async run(stage) {
      const machine = await stage.instance();
      const unknown = { kind: "flux capacitor", id: "unknown" } as unknown as Device;
      assert.ok((await failureOf(machine.addDevice(unknown))) instanceof KataError, "it does not");
    },
  },
  {
    name: "refuses to remove a device that it does not have with an error that has a code",
    async run(stage) {
      const machine = await stage.instance();
      assert.ok((await failureOf(machine.removeDevice("none"))) instanceof KataError, "it does not");
    },
  },
  {
    name: "says of a capability that nobody knows that it has none",
    async run(stage) {
      const machine = await stage.instance();
      assert.equal(machine.capability("no such" as keyof HypervisorCapabilities), undefined);
      for (const name of capabilities) machine.capability(name);
    },
  },
  withMachine("starts, says which process it is, and ends in good order", async (machine, stage) => {
    assert.ok(machine.pid > 0, `its process is ${machine.pid}`);
    assert.ok(machine.slowdown >= 1, `its slowdown is ${machine.slowdown}`);
    assert.equal(await isSettled(machine.exited), false, '"exited" has settled while it runs');
    assert.ok(
      machine.consoleTail().every((line) => typeof line === "string"),
      "its console is no text",
    );
    await machine.stop();
    await assertGone(machine, stage);
  }),
  withMachine("ends at once when it is told to, however often", async (machine, stage) => {
    await Promise.all([machine.destroy(new Error("not wanted")), machine.destroy(new Error("not wanted"))]);
    await machine.stop();
    await assertGone(machine, stage);
  }),
  withMachine("starts once", async (machine, stage) => {
    const failure = await failureOf(machine.start(spec(stage), never()));
    assert.ok(codeOf(failure), `a second start is ${String(failure)}`);
    await machine.stop();
    assert.ok(codeOf(await failureOf(machine.start(spec(stage), never()))), "it starts after its end");
  }),
  withMachine("ends with what it was made in, when nobody else ends it", async () => undefined),
  {
    name: "runs beside another one",
    without: ({ cannotStart }) => cannotStart,
    async run(stage) {
      const other = await stage.beside();
      try {
        const [one, two] = [await started(stage), await started(other)];
        assert.notDeepEqual(one.guestAddress, two.guestAddress, "both have the same address");
        await one.stop();
        assert.equal(await isSettled(two.exited), false, "the end of one is the end of the other");
        await two.stop();
      } finally {
        assert.deepEqual(await other.close(), []);
      }
    },
  },
  withMachine("pauses and goes on, where it says that it can", async (machine) => {
    const pause = machine.capability("pause");
    await pause?.pause();
    await pause?.resume();
    await machine.stop();
    if (pause !== undefined) assert.ok((await failureOf(pause.pause())) instanceof Error, "it pauses after its end");
  }),
  withMachine("names threads of its processors, where it says that it can", async (machine, stage) => {
    const threads = await machine.capability("vcpu-threads")?.threads();
    if (threads !== undefined) assert.equal(threads.length, spec(stage).vcpus);
  }),
  withMachine(
    "says so when it ends by itself, and leaves nothing then",
    async (machine, stage) => {
      stage.subject.crash?.(machine);
      assert.equal((await machine.exited).expected, false, '"exited" says that the end was wanted');
      await machine.stop();
      assert.deepEqual(await stage.left(), []);
    },
    ({ crash }) => (crash === undefined ? "nothing is given that crashes it" : undefined),
  ),
];
