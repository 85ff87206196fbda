import type { Logger } from "../../core/log.js";
import type { Sys } from "../../core/sys/sys.js";
import type { Bus } from "../bus/bus.js";
import { vmmErrors } from "../errors.js";
import type { KvmWires } from "../kvm/kvm-wires.js";
import { layout, mostSlots, virtioSlot } from "../machine/layout.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import type { Plain } from "../snapshot/plain.js";
import type { PlainReader } from "../snapshot/plain-reader.js";
import { mmioRegister } from "../virtio/mmio-registers.js";
import { MmioTransport } from "../virtio/mmio-transport.js";
import type { PluggedDevice } from "./device-spec.js";
import type { InterruptStatus } from "./interrupt-status.js";
import { makeDevice } from "./make-device.js";
import { QueueWires } from "./queue-wires.js";

/** What the devices are plugged into. */
export interface VirtioSetParts {
  readonly sys: Sys;
  readonly log: Logger;
  readonly memory: GuestMemory;
  readonly bus: Bus;
  readonly wires: KvmWires;
  readonly interrupts: InterruptStatus;
}

interface Plugged extends PluggedDevice {
  readonly transport: MmioTransport;
  readonly wires: QueueWires;
  readonly raise: number;
}

/** The virtio devices of a machine. */
export class VirtioSet {
  readonly #parts: VirtioSetParts;
  readonly #plugged = new Map<string, Plugged>();

  constructor(parts: VirtioSetParts) {
    this.#parts = parts;
  }

  /** Makes a device and plugs it in; it goes on where one that was saved has stopped, when there is such a one. */
  async add({ slot, spec }: PluggedDevice, saved?: PlainReader): Promise<void> {
    const { sys, log, memory, bus, wires, interrupts } = this.#parts;
    const place = virtioSlot(slot);
    if (place === undefined) throw vmmErrors.KATA_VMM_SLOTS({ slots: mostSlots, devices: slot + 1 });
    const device = await makeDevice({ sys, log }, spec);
    const { descriptors } = sys;
    const raise = descriptors.eventfd();
    const queues = new QueueWires(descriptors, device.queueSizes.length, (queue) => transport.notified(queue));
    const transport = new MmioTransport({
      device,
      memory,
      interruptStatus: interrupts.word(slot),
      raise: () => descriptors.addEventfd(raise),
      log,
      handOver: (queue, interrupted) => queues.handOver(queue, interrupted),
      takeBack: () => queues.takeBack(),
    });
    wires.connectLine(place.line, raise);
    for (const [queue, notify] of queues.notify.entries()) {
      wires.connectWrite(place.address + mmioRegister.queueNotify, queue, notify);
    }
    bus.add(place.address, layout.virtioStride, transport);
    this.#plugged.set(spec.id, { slot, spec, transport, wires: queues, raise });
    if (saved !== undefined) transport.restore(saved);
  }

  /** As `DeviceLifecycle.freeze`, all of them. */
  async freeze(): Promise<void> {
    await Promise.all([...this.#plugged.values()].map(({ transport }) => transport.freeze()));
  }

  thaw(): void {
    for (const { transport } of this.#plugged.values()) transport.thaw();
  }

  /** All devices, while they are frozen; what of them is the guest's, not the host's. */
  save(): Plain {
    return [...this.#plugged.values()].map(({ slot, spec, transport }) => {
      return { slot, id: spec.id, kind: spec.kind, transport: transport.save() };
    });
  }

  /** Ends all devices. The vCPUs must not run any more. */
  async close(): Promise<void> {
    const all = [...this.#plugged.values()];
    this.#plugged.clear();
    await Promise.all(all.map(({ transport }) => transport.close()));
    for (const { wires, raise } of all) {
      wires.close();
      this.#parts.sys.descriptors.close(raise);
    }
  }
}
