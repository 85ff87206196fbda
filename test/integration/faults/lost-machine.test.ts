import { expect } from "chai";
import { type ContainerOptions, execRequest, privileged, MachineShim, refusal } from "../../support/machine-shim.js";
import { expectNoLeaks, type Traces, traces } from "../../support/leaks.js";

/**
 * Writes over the code of the guest's first process, which is the agent: no signal from inside its guest ends that. It is
 * out of a container's sight, so the kernel is made to run the script, as the collector of a process's core.
 */
const breakAgent = `
  root=/run/kata-containers/shared/containers/c1/rootfs
  cat > /break <<'END'
    read -r range rest <<MAPS
$(/bin/busybox grep ' r-xp ' /proc/1/maps)
MAPS
    start=$((0x\${range%-*})) end=$((0x\${range#*-}))
    /bin/busybox dd if=/dev/zero of=/proc/1/mem bs=4096 seek=$((start / 4096)) count=$(((end - start) / 4096)) conv=notrunc
END
  echo "|/bin/busybox sh $root/break" > /proc/sys/kernel/core_pattern
  sh -c 'kill -SEGV $$'
`;

/** A way to lose a machine in which a container runs. */
interface Fault {
  readonly what: string;
  readonly container?: ContainerOptions;
  readonly strike: (shim: MachineShim) => Promise<unknown> | void;
  /** What the shim's log says. */
  readonly said: readonly (string | RegExp)[];
}

/** Runs a script in the container; whether that is answered before the guest is gone is all the same. */
async function inContainer(shim: MachineShim, script: string): Promise<void> {
  const task = await shim.client("c1");
  await task.exec(execRequest("c1", "strike", ["sh", "-c", script]));
  await task.start({ id: "c1", execId: "strike" }).catch(() => undefined);
}

const faults: readonly Fault[] = [
  {
    what: "QEMU is killed",
    strike: (shim) => void process.kill(shim.recordedPid("c1", "qemu"), "SIGKILL"),
    said: ['the virtual machine of the sandbox \\"c1\\" ended by itself (signal SIGKILL)'],
  },
  {
    what: "virtiofsd is killed",
    strike: (shim) => void process.kill(shim.recordedPid("c1", "virtiofsd"), "SIGKILL"),
    said: [/the shared directory of the sandbox \\"c1\\" is gone: virtiofsd \(pid \d+\) .*signal SIGKILL/],
  },
  {
    what: "the guest's kernel panics",
    container: { change: privileged },
    strike: (shim) => inContainer(shim, "echo c > /proc/sysrq-trigger"),
    said: ['the guest\'s kernel of the sandbox \\"c1\\" panicked: sysrq triggered crash; its console says:'],
  },
  {
    what: "the agent dies in the guest",
    container: { change: privileged },
    strike: (shim) => inContainer(shim, breakAgent),
    said: [
      'the guest\'s kernel of the sandbox \\"c1\\" panicked: Attempted to kill init!',
      "Kernel panic - not syncing: Attempted to kill init!",
    ],
  },
];

describe("a running container, when", () => {
  let shim: MachineShim;
  let before: Traces;
  beforeEach(() => {
    shim = new MachineShim();
    before = traces(shim.leakScope);
  });
  afterEach(() => shim.end());

  for (const { what, container, strike, said } of faults) {
    it(`${what}: it ends, that is told with the reason, and nothing is left`, async () => {
      const task = await shim.launch("c1", ["sleep", "1000"], container);
      const shimProcess = shim.shim("c1");
      const exit = task.wait({ id: "c1", execId: "" });
      await strike(shim);
      expect((await exit).exitStatus).to.equal(255);

      const log = shim.bundle("c1").log();
      for (const text of said) {
        if (typeof text === "string") expect(log).to.include(text);
        else expect(log).to.match(text);
      }
      expect(await refusal(task.kill({ id: "c1", execId: "", signal: 9, all: true }))).to.deep.equal({
        status: "NOT_FOUND",
        message: 'the container "c1": process already finished [KATA_PROCESS_FINISHED]',
      });
      const exec = await refusal(task.exec(execRequest("c1", "late", ["true"])));
      expect(exec).to.include({ status: "FAILED_PRECONDITION" });
      expect(exec.message).to.include('the container "c1"').and.include("it is stopped");

      expect((await task.delete({ id: "c1", execId: "" })).exitStatus).to.equal(255);
      await task.shutdown({ id: "c1", now: false });
      await shim.gone(shimProcess);
      const told = shim.events.topics("c1").filter((topic) => !topic.startsWith("exec"));
      expect(told.slice(0, 2)).to.deep.equal(["create", "start"]);
      expect(shim.events.events.filter(({ topic }) => topic === "/tasks/exit").at(-1)).to.include({ exitStatus: 255 });
      expect(told.at(-1)).to.equal("delete");
      expect(shim.leftovers()).to.deep.equal([]);
      await expectNoLeaks(before, shim.leakScope);
    });
  }
});
