/**
 * A hypervisor in a hundred lines: a machine is a QEMU that is told everything on its command line, and nothing afterwards.
 *
 *     plugins = ["kata-ts-hypervisor-mini-qemu"]
 *     [runtime]
 *     hypervisor_name = "mini-qemu"
 *     [hypervisor.mini-qemu]
 *     shared_fs = "virtio-fs"    # it plugs no disks, so the containers' files are shared
 *     accel = "tcg"              # a key of its own: without it the machine needs KVM
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type {
  ConfiguredSchema,
  FsDevice,
  Hypervisor,
  HypervisorCapabilities,
  Plugin,
  PluginContext,
  VmExit,
} from "kata-ts/plugin";
import { qemuWords } from "./qemu-words.js";

type Config = { readonly accel: "kvm" | "tcg" };

const effect = "implemented";

/** Core checks the table by `kataConfig`, and fills in defaults, before the schema is given it. */
const config: ConfiguredSchema<Config> = {
  kataConfig: {
    keys: {
      accel: { type: "string", default: "kvm", oneOf: ["kvm", "tcg"], description: "What runs guests.", effect },
    },
    uses: ["hypervisor.path", "hypervisor.default_vcpus", "hypervisor.default_memory"],
  },
  "~standard": { version: 1, vendor: "mini-qemu", validate: (value) => ({ value: value as Config }) },
};

const failure = (code: string, status: string, message: string) =>
  Object.assign(new Error(message), { code: `MINI_QEMU_${code}`, status });

function create({ sandbox, scope, roots, config: { hypervisor: keys } }: PluginContext, { accel }: Config): Hypervisor {
  if (sandbox === undefined) throw failure("SANDBOX", "FAILED_PRECONDITION", "a machine is made for a sandbox");
  const { runDirectory, record } = sandbox;
  const guest = join(roots.guestCache, "current");
  const shares = new Map<string, FsDevice>();
  const capabilities: Partial<HypervisorCapabilities> = { "fs-sharing": { hotplug: false } };
  const tail: string[] = [];
  let settle: (exit: VmExit) => void = () => undefined;
  const exited = new Promise<VmExit>((resolve) => (settle = resolve));
  let qemu: ChildProcess | undefined;
  let isWanted = false;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    isWanted = true;
    if (qemu?.pid !== undefined && qemu.kill(signal)) await exited;
  };
  scope.defer("mini-qemu", () => end("SIGKILL"));

  return {
    name: "mini-qemu",
    guestAddress: { kind: "virtio-serial", directory: runDirectory },
    slowdown: accel === "kvm" ? 1 : 10,
    exited,
    get pid() {
      return qemu?.pid ?? 0;
    },
    async start(spec, signal) {
      signal.throwIfAborted();
      if (qemu !== undefined) throw failure("STARTED", "FAILED_PRECONDITION", "the machine was started before");
      if (spec.selinuxLabel !== undefined) throw failure("LABEL", "UNIMPLEMENTED", "QEMU gets no SELinux label here");
      const note = record.process("mini-qemu");
      const words = qemuWords({ accel, guest, runDirectory, spec, shares: [...shares.values()] });
      const child = spawn(keys.path || "qemu-system-x86_64", words, {
        env: { PATH: process.env["PATH"], ...note.env },
      });
      qemu = child;
      createInterface(child.stderr).on("line", (line) => tail.splice(0, tail.push(line) - 50));
      child.once("error", (error) => tail.push(error.message));
      child.once("close", (code, killedBy) => {
        note.ended();
        settle({ code: code ?? -1, ...(killedBy !== null && { signal: killedBy }), expected: isWanted });
      });
      note.started(child.pid ?? 0);
      signal.addEventListener("abort", () => void end("SIGKILL"), { once: true });
      // Its monitor greets when the machine runs.
      await Promise.race([once(child.stdout, "data"), exited]);
      signal.throwIfAborted();
      if (child.exitCode !== null) throw failure("START", "UNAVAILABLE", `QEMU has not started: ${tail.join("\n")}`);
    },
    stop: () => end("SIGTERM"),
    destroy: () => end("SIGKILL"),
    async addDevice(device) {
      const { id, kind } = device;
      if (kind !== "fs") throw failure("DEVICE", "UNIMPLEMENTED", `only devices of the kind fs are taken, not ${kind}`);
      if (qemu !== undefined) throw failure("DEVICE", "FAILED_PRECONDITION", `${id} cannot be plugged while it runs`);
      if (shares.has(id)) throw failure("DEVICE", "ALREADY_EXISTS", `the device ${id} is there already`);
      shares.set(id, device);
      return { id };
    },
    async removeDevice(id) {
      if (!shares.delete(id)) throw failure("DEVICE", "NOT_FOUND", `there is no device ${id}`);
    },
    consoleTail: () => tail,
    capability: (name) => capabilities[name],
  };
}

export const plugin: Plugin<"hypervisor", typeof config> = {
  api: 1,
  kind: "hypervisor",
  name: "mini-qemu",
  config,
  create,
};
