import type { AttachedDevice, Device } from "../core/contracts/device.js";
import type { GuestAddress } from "../core/contracts/guest-address.js";
import type { Hypervisor, HypervisorCapabilities, VmExit, VmSpec } from "../core/contracts/hypervisor.js";

/** A hypervisor without a machine: it notes what it is asked, and ends when it is told to. */
export class FakeHypervisor implements Hypervisor {
  readonly name = "fake";
  readonly slowdown = 1;
  readonly guestAddress: GuestAddress = { kind: "hybrid-vsock", path: "/nowhere" };
  readonly exited: Promise<VmExit>;
  readonly devices: Device[] = [];
  /** Names of the calls made, in order. */
  readonly calls: string[] = [];
  spec: VmSpec | undefined;
  /** Rejects the next `start` when set. */
  startError: unknown;
  console: string[] = [];
  readonly capabilities: Partial<HypervisorCapabilities> = {};
  #settle: (exit: VmExit) => void = () => undefined;

  constructor() {
    this.exited = new Promise((resolve) => (this.#settle = resolve));
  }

  get pid(): number {
    return this.spec === undefined ? 0 : process.pid;
  }

  async start(spec: VmSpec): Promise<void> {
    this.calls.push("start");
    if (this.startError !== undefined) throw this.startError;
    this.spec = spec;
  }

  async stop(): Promise<void> {
    this.calls.push("stop");
    this.#settle({ code: 0, expected: true });
  }

  async destroy(): Promise<void> {
    this.calls.push("destroy");
    this.#settle({ code: -1, signal: "SIGKILL", expected: true });
  }

  /** Gives it the capability `adopt`; its state is `state`. Call it before it is started or adopted. */
  outliveProcesses(state: unknown = {}): void {
    this.capabilities.adopt = {
      state: () => state,
      adopt: async (found) => {
        this.calls.push(`adopt ${JSON.stringify(found)}`);
        if (this.startError !== undefined) throw this.startError;
        this.spec = { vcpus: 1, memoryMiB: 1, kernelParameters: [] };
      },
      release: () => void this.calls.push("release"),
    };
  }

  /** Ends the machine as if its VMM had crashed, or as if its guest had ended it: `{ code: 0, why: "its guest reset it" }`. */
  crash(how: Omit<VmExit, "expected"> = { code: -1, signal: "SIGSEGV" }): void {
    this.#settle({ ...how, expected: false });
  }

  async addDevice(device: Device): Promise<AttachedDevice> {
    this.calls.push(`add ${device.kind} ${device.id}`);
    this.devices.push(device);
    return { id: device.id, ...(device.kind === "block" && { guestLocator: "02/01" }) };
  }

  async removeDevice(id: string): Promise<void> {
    this.calls.push(`remove ${id}`);
  }

  consoleTail(): readonly string[] {
    return this.console;
  }

  capability<K extends keyof HypervisorCapabilities>(name: K): HypervisorCapabilities[K] | undefined {
    return this.capabilities[name];
  }
}
