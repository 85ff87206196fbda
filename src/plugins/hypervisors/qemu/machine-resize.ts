import type { HypervisorConfig } from "../../../core/config/keys/hypervisor.js";
import type { HypervisorCapabilities, VmSpec } from "../../../core/contracts/hypervisor.js";
import { messageOf } from "../../../core/errors/error.js";
import { hypervisorErrors } from "../../../core/hypervisor/errors.js";
import type { Logger } from "../../../core/log.js";
import type { MachineSize } from "../../../core/sizing/machine-size.js";
import { Turnstile } from "../../../core/turnstile.js";
import type { Accelerator } from "./accelerator.js";
import type { MachineType } from "./machine-type.js";
import type { Monitor } from "./hotplug.js";
import { memoryObject } from "./memory-object.js";
import { Dimms } from "./dimms.js";
import { HotProcessors } from "./hot-processors.js";
import { hotpluggableCpus, machineMemory } from "./qmp/queries.js";
import { type Room, roomFor } from "./room.js";
import { VirtioMemory } from "./virtio-mem.js";

/** What a machine is resized with. */
export interface MachineResizeParts {
  readonly machineType: MachineType;
  readonly settings: HypervisorConfig;
  readonly log: Logger;
  /** The monitor of a machine that runs; throws when it does not, with what it was wanted for. */
  readonly monitor: (what: string) => Monitor;
}

/** What changes the sizes of a running machine, one change after the other. */
interface Parts {
  readonly processors: HotProcessors;
  readonly memory: { resize(memoryMiB: number): Promise<number> };
}

/** What a machine is started with, as far as its size goes. */
type Started = Pick<VmSpec, "vcpus" | "memoryMiB" | "fixedSize">;

interface Planned {
  readonly spec: Started;
  readonly by: Accelerator["kind"];
  readonly room: Room | undefined;
  readonly slowdown: number;
  readonly shared: boolean;
}

/** The size of a machine, from what is set aside for it to grow to its changes while it runs. */
export class MachineResize {
  readonly #parts: MachineResizeParts;
  readonly #turns = new Turnstile();
  #planned: Planned | undefined;
  #running: Parts | undefined;
  #memoryMiB = 0;

  constructor(parts: MachineResizeParts) {
    this.#parts = parts;
  }

  /** MiB that the machine has; 0 before it is planned. */
  get memoryMiB(): number {
    return this.#memoryMiB;
  }

  /** What the machine was started with, for another process to plan by. */
  get started(): Required<Started> {
    const { vcpus = 0, memoryMiB = 0, fixedSize = false } = this.#planned?.spec ?? {};
    return { vcpus, memoryMiB, fixedSize };
  }

  /** What a machine that is about to start is to set aside, or has. `shared`: programs beside QEMU use its memory. */
  plan(spec: Started, by: Accelerator["kind"], slowdown: number, shared: boolean): Room | undefined {
    const { settings, machineType } = this.#parts;
    const room = roomFor(settings, spec, { machineType, by });
    this.#planned = { spec, by, room, slowdown, shared };
    this.#memoryMiB = spec.memoryMiB;
    return room;
  }

  /** Undefined for a machine whose size is fixed. */
  get capability(): HypervisorCapabilities["resize"] | undefined {
    const { machineType, settings } = this.#parts;
    const planned = this.#planned;
    if (machineType !== "q35" || (planned !== undefined && planned.room === undefined)) return undefined;
    const { default_maxvcpus: vcpus, default_maxmemory: memoryMiB } = settings;
    return {
      most: planned?.room ?? { vcpus, memoryMiB },
      size: () => this.#size(),
      vcpus: (count) => this.#change(`${count} vCPUs`, count, ({ processors }) => processors.resize(count)),
      memoryMiB: (size) =>
        this.#change(
          `${size} MiB of memory`,
          size,
          async ({ memory }) => (this.#memoryMiB = await memory.resize(size)),
        ),
    };
  }

  #size(): Promise<MachineSize> {
    return this.#turns.pass(async () => {
      const monitor = this.#parts.monitor("tell its size");
      const slots = await hotpluggableCpus(monitor);
      this.#memoryMiB = await machineMemory(monitor);
      return { vcpus: slots.filter(({ device }) => device !== undefined).length, memoryMiB: this.#memoryMiB };
    });
  }

  #change(what: string, size: number, act: (parts: Parts) => Promise<number>): Promise<number> {
    return this.#turns.pass(async () => {
      const parts = this.#partsOf(`have ${what}`);
      const hypervisor = "qemu";
      if (!Number.isSafeInteger(size) || size < 1) {
        throw hypervisorErrors.KATA_HYPERVISOR_RESIZE({ hypervisor, what, problem: "it takes a whole number from 1" });
      }
      return act(parts).catch((cause: unknown) => {
        throw hypervisorErrors.KATA_HYPERVISOR_RESIZE({ hypervisor, what, problem: messageOf(cause) }, { cause });
      });
    });
  }

  #partsOf(what: string): Parts {
    const monitor = this.#parts.monitor(what);
    this.#running ??= this.#make(monitor);
    return this.#running;
  }

  #make(monitor: Monitor): Parts {
    const { settings, log } = this.#parts;
    const planned = this.#planned;
    if (planned?.room === undefined) throw new Error("a machine whose size is fixed is resized");
    const { by, room, slowdown, shared, spec } = planned;
    const common = { monitor, room, slowdown, bootMiB: spec.memoryMiB };
    const object = (piece: { id: string; sizeMiB: number }) => memoryObject({ ...piece, shared }, settings);
    return {
      processors: new HotProcessors(monitor, { slowdown, keeps: by === "tcg" }),
      memory: settings.enable_virtio_mem ? new VirtioMemory({ ...common, log }) : new Dimms({ ...common, object }),
    };
  }
}
