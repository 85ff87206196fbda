import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { withDeadline } from "../../../src/core/deadline.js";
import { codeOf, describeError } from "../../../src/core/errors/error.js";
import { type DragonballMachine, endMachines, makeTinyMachine } from "../../support/dragonball-machine.js";
import type { Settings } from "../../support/machine-place.js";
import { needsKvmDevice } from "../../support/needs-kvm.js";
import { code } from "../../support/tiny-guest.js";
import { failureOf, never } from "../../unit/plugins/hypervisors/qemu/machine.js";

const small = { vcpus: 1, memoryMiB: 16, kernelParameters: [] } as const;
const program = [code.say("on\n"), code.spin()];

/** The plugin's copies of a guest of a few instructions, which any KVM runs. */
describe("copies of a machine of the hypervisor dragonball", () => {
  const made: DragonballMachine[] = [];
  let files: number;
  let first: DragonballMachine;
  let directory: string;

  const make = async (settings: Settings, guest: readonly number[][] = program): Promise<DragonballMachine> => {
    const one = await makeTinyMachine(guest, {}, settings);
    made.push(one);
    return one;
  };

  /** Another one with the first one's kernel. */
  const another = (settings: Settings = {}): Promise<DragonballMachine> => {
    const { kernel, initrd } = first.settings;
    return make({ kernel, initrd, ...settings });
  };

  const saver = ({ machine }: DragonballMachine) => machine.capability("snapshot") ?? expect.fail("it saves nothing");

  /** Runs a machine, as far as its greeting, and saves it. */
  async function save(one: DragonballMachine): Promise<void> {
    await one.machine.start(small, never);
    await withDeadline({ ms: 20_000, what: "the guest's greeting" }, async (signal) => {
      while (one.machine.consoleTail().length === 0) {
        signal.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    });
    await one.machine.capability("pause")?.pause();
    await saver(one).save(directory);
  }

  const misfit = async (settings: Settings = {}, spec: { readonly vcpus?: number } = {}) =>
    saver(await another(settings)).misfit(directory, { ...small, ...spec });

  before(function () {
    needsKvmDevice(this);
  });

  beforeEach(async () => {
    files = readdirSync("/proc/self/fd").length;
    first = await make({});
    directory = join(first.root, "saved");
    mkdirSync(directory, { mode: 0o700 });
  });

  afterEach("nothing is left", async () => {
    await endMachines(made.splice(0));
    expect(readdirSync("/proc/self/fd").length, "open files").to.be.at.most(files);
  });

  it("go on with sockets of their own, also when their template is gone", async () => {
    await save(first);
    const [one, two] = [await another(), await another()];
    expect(await saver(one).misfit(directory, small)).to.equal(undefined);
    for (const { machine } of [one, two]) await machine.start({ ...small, from: directory }, never);
    rmSync(directory, { recursive: true });
    const sockets = [one, two].map(({ machine: { guestAddress } }) =>
      guestAddress.kind === "hybrid-vsock" ? guestAddress.path : "",
    );
    expect(new Set(sockets).size).to.equal(2);
    expect(sockets.map(existsSync)).to.deep.equal([true, true]);
    expect(await saver(one).misfit(directory, small)).to.equal(`no machine is saved in ${directory} yet`);
  });

  it("are none of a machine that is another one, and the difference is named", async () => {
    await save(first);
    expect(await misfit({}, { vcpus: 2 })).to.equal("its vcpus is 1, configured is 2");
    expect(await misfit({ queue_size: 64 })).to.include("queues of the image");
    expect(await misfit({ kernel_params: "debug" })).to.match(/^its parameters is .*, configured is .* debug$/);
    const { kernel } = first.settings;
    const same = join(first.root, "same-kernel");
    copyFileSync(kernel ?? "", same);
    expect(await misfit({ kernel: same }))
      .to.include("its kernel is ")
      .and.include("same-kernel");
  });

  it("are none of a template that is damaged, or that others may have written, and why is told", async () => {
    await save(first);
    const place = (name: string): string => join(directory, name);
    const whole = Object.fromEntries(readdirSync(directory).map((name) => [name, readFileSync(place(name))] as const));
    expect(Object.keys(whole).toSorted()).to.deep.equal(["machine.json", "memory", "state"]);
    const state = whole["state"]?.toString() ?? "";
    const damages: readonly [RegExp, () => void][] = [
      [/state is broken: .*ends early/, () => truncateSync(place("state"), state.length - 100)],
      [
        /state is broken: machine is not what was written/,
        () => writeFileSync(place("state"), state.replace('"timer":"', '"timer":"A')),
      ],
      [
        /is of format 99, written by another/,
        () =>
          writeFileSync(
            place("state"),
            state.replace('"format":1,"producer":"kata-ts"', '"format":99,"producer":"another"'),
          ),
      ],
      [
        /one of s390x, this host is/,
        () => writeFileSync(place("state"), state.replace(`"${process.arch}"`, '"s390x"')),
      ],
      [/memory is broken: it has 4096 bytes/, () => truncateSync(place("memory"), 4096)],
      [
        /memory is broken: it is not the memory of the machine/,
        () => writeFileSync(place("memory"), Buffer.alloc(whole["memory"]?.length ?? 0)),
      ],
      [/memory does not exist/, () => rmSync(place("memory"))],
      [/state does not exist/, () => rmSync(place("state"))],
      [/state is not to be trusted: its mode is 0640/, () => chmodSync(place("state"), 0o640)],
      [/memory is not to be trusted: its mode is 0602/, () => chmodSync(place("memory"), 0o602)],
      [/memory is not to be trusted: it belongs to user 12345/, () => chownSync(place("memory"), 12345, 0)],
      [/machine.json is not to be trusted: it belongs to user 12345/, () => chownSync(place("machine.json"), 12345, 0)],
      [
        /state is not to be trusted: it is a symbolic link/,
        () => {
          renameSync(place("state"), join(first.root, "state"));
          symlinkSync(join(first.root, "state"), place("state"));
        },
      ],
    ];
    for (const [why, damage] of damages) {
      damage();
      expect(await misfit()).to.match(why);
      for (const [name, bytes] of Object.entries(whole)) {
        rmSync(place(name), { force: true });
        writeFileSync(place(name), bytes, { mode: 0o600 });
      }
      expect(await misfit()).to.equal(undefined);
    }
  });

  it("are none of a machine that was damaged after it was looked at: nothing is left of their start", async () => {
    await save(first);
    const one = await another();
    expect(await saver(one).misfit(directory, small)).to.equal(undefined);
    truncateSync(join(directory, "state"), 100);
    const error = await failureOf(one.machine.start({ ...small, from: directory }, never));
    expect(codeOf(error)).to.equal("KATA_VMM_SNAPSHOT_STATE");
    expect(await one.machine.exited).to.deep.equal({ code: 0, expected: true });
  });

  it("that end while they are given what their pod has say that, and what they showed", async () => {
    // Long enough to be saved before its end.
    first = await make({}, [code.say("on\n"), code.outs(0x80, 100_000), code.say("goodbye\n"), code.powerOff()]);
    await save(first);
    const one = await another();
    await one.machine.addDevice({
      kind: "inline-fs",
      id: "share",
      tag: "share",
      path: one.root,
      readOnly: true,
      cache: "auto",
      queueSize: 128,
    });
    const error = await failureOf(one.machine.start({ ...small, from: directory }, never));
    expect(codeOf(error)).to.equal("KATA_DRAGONBALL_COPY");
    expect(String(error)).to.include(directory).and.include("the machine has ended").and.include("ends: goodbye");
    expect(await one.machine.exited).to.have.property("code", 0);
  });

  for (const [what, key, device] of [
    ["gives memory back", { reclaim_guest_freed_memory: true }, "balloon"],
    ["plugs memory", { enable_virtio_mem: true, default_maxmemory: 4096 }, "mem"],
  ] as const) {
    it(`are none of one that ${what}, which is known before it boots, and refused when it is saved`, async () => {
      const [name = ""] = Object.keys(key);
      const one = await another(key);
      expect(saver(one).refusal(small)).to.include(`${name} is true`);
      const error = await failureOf(save(one));
      expect(codeOf(error)).to.equal("KATA_VMM_SNAPSHOT_DEVICE");
      expect(describeError(error)).to.include(`"${device}"`).and.include("cannot be given back to the host one by one");
      expect(readdirSync(directory)).to.deep.equal([]);
    });
  }
});
