/** A hypervisor that has a program of its own for each machine: `[hypervisor.example] program = "/usr/bin/vmm"`. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Device, Hypervisor, Plugin, PluginContext, StandardSchema, VmExit, VmSpec } from "kata-ts/plugin";

type Config = { readonly program: string };

const config: StandardSchema<Config> = {
  "~standard": {
    version: 1,
    vendor: "kata-ts-hypervisor-example",
    validate(value) {
      const { program } = (value ?? {}) as Partial<Config>;
      if (typeof program === "string" && program.startsWith("/")) return { value: { program } };
      return { issues: [{ path: ["program"], message: "must be the absolute path of a program" }] };
    },
  },
};

const failure = (code: string, status: string, message: string) =>
  Object.assign(new Error(message), { code: `EXAMPLE_${code}`, status });

function create({ sandbox, scope }: PluginContext, { program }: Config): Hypervisor {
  if (sandbox === undefined) throw failure("SANDBOX", "FAILED_PRECONDITION", "a machine is made for a sandbox");
  const socket = join(sandbox.runDirectory, "vsock");
  const devices = new Map<string, Device>();
  let settle: (exit: VmExit) => void = () => undefined;
  const exited = new Promise<VmExit>((resolve) => (settle = resolve));
  let child: ChildProcess | undefined;
  let isWanted = false;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    isWanted = true;
    if (child?.kill(signal) === true) await exited;
  };
  scope.defer("machine", () => end("SIGKILL"));
  return {
    name: "example",
    guestAddress: { kind: "hybrid-vsock", path: socket },
    slowdown: 1,
    exited,
    get pid() {
      return child?.pid ?? 0;
    },
    async start(_spec: VmSpec, signal) {
      signal.throwIfAborted();
      if (child !== undefined) throw failure("STARTED", "FAILED_PRECONDITION", "the machine was started before");
      const note = sandbox.record.process("example");
      child = spawn(program, ["--vsock", socket, ...devices.keys()], { stdio: "ignore", env: { ...note.env } });
      child.once("exit", (code, killed) => {
        note.ended();
        settle({ code: code ?? -1, signal: String(killed), expected: isWanted });
      });
      await once(child, "spawn");
      note.started(child.pid ?? 0);
    },
    stop: () => end("SIGTERM"),
    destroy: () => end("SIGKILL"),
    async addDevice(device) {
      const { id, kind } = device;
      if (kind !== "block") throw failure("DEVICE", "UNIMPLEMENTED", `no devices of the kind ${kind}`);
      if (devices.has(id)) throw failure("DEVICE", "ALREADY_EXISTS", `the device ${id} is there already`);
      devices.set(id, device);
      return { id };
    },
    async removeDevice(id) {
      if (!devices.delete(id)) throw failure("DEVICE", "NOT_FOUND", `there is no device ${id}`);
    },
    consoleTail: () => [],
    capability: () => undefined,
  };
}

export const plugin: Plugin<"hypervisor", typeof config> = {
  api: 1,
  kind: "hypervisor",
  name: "example",
  config,
  create,
};
