import type { AttachedDevice, Device, Hypervisor, Plugin, VmExit, VmSpec } from "kata-ts/plugin";
import { note } from "./notes.js";
import { tableOf } from "./schema.js";

const config = tableOf({ turbo: false });

/** A machine that is nowhere. */
class Machine implements Hypervisor {
  readonly name = "acme";
  readonly slowdown = 1;
  readonly guestAddress = { kind: "hybrid-vsock", path: "/nowhere" } as const;
  readonly exited: Promise<VmExit>;
  #end: (exit: VmExit) => void = () => undefined;
  #pid = 0;

  constructor(readonly turbo: boolean) {
    this.exited = new Promise((resolve) => (this.#end = resolve));
  }

  get pid(): number {
    return this.#pid;
  }

  async start({ vcpus }: VmSpec): Promise<void> {
    note(`hypervisor start, ${vcpus} vCPUs${this.turbo ? ", turbo" : ""}`);
    this.#pid = process.pid;
  }

  async stop(): Promise<void> {
    note("hypervisor stop");
    this.#end({ code: 0, expected: true });
  }

  async destroy(): Promise<void> {
    note("hypervisor destroy");
    this.#end({ code: -1, signal: "SIGKILL", expected: true });
  }

  async addDevice(device: Device): Promise<AttachedDevice> {
    const driver = device.kind === "block" ? ` ${device.driver}` : "";
    note(`hypervisor add ${device.kind} ${device.id}${driver}`);
    return { id: device.id, guestLocator: `slot-${device.id}` };
  }

  async removeDevice(id: string): Promise<void> {
    note(`hypervisor remove ${id}`);
  }

  consoleTail(): readonly string[] {
    return [];
  }

  capability(): undefined {}
}

export const plugin: Plugin<"hypervisor", typeof config> = {
  api: 1,
  kind: "hypervisor",
  name: "acme",
  config,
  create: (_ctx, { turbo }) => new Machine(turbo),
  check: async () => [{ name: "acme machines", state: "ok", detail: "they are nowhere" }],
};
