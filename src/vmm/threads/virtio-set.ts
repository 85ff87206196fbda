import type { Logger } from "../../core/log.js";
import type { Watch } from "../../core/sys/descriptors.js";
import type { Sys } from "../../core/sys/sys.js";
import type { Bus } from "../bus/bus.js";
import { vmmErrors } from "../errors.js";
import type { KvmWires } from "../kvm/kvm-wires.js";
import { layout, lines, virtioSlot } from "../machine/layout.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import { mmioRegister } from "../virtio/mmio-registers.js";
import { MmioTransport } from "../virtio/mmio-transport.js";
import type { PluggedDevice } from "./device-spec.js";
import type { InterruptStatus } from "./interrupt-status.js";
import { makeDevice } from "./make-device.js";

/** What the devices are plugged into. */
export interface VirtioSetParts {
  readonly sys: Sys;
  readonly log: Logger;
  readonly memory: GuestMemory;
  readonly bus: Bus;
  readonly wires: KvmWires;
  readonly interrupts: InterruptStatus;
}

interface Plugged {
  readonly transport: MmioTransport;
  readonly watches: readonly Watch[];
  readonly eventfds: readonly number[];
}

/** The virtio devices of a machine. */
export class VirtioSet {
  readonly #parts: VirtioSetParts;
  readonly #plugged = new Map<string, Plugged>();

  constructor(parts: VirtioSetParts) {
    this.#parts = parts;
  }

  /** Makes a device and plugs it in. */
  async add({ slot, spec }: PluggedDevice): Promise<void> {
    const { sys, log, memory, bus, wires, interrupts } = this.#parts;
    const place = virtioSlot(slot);
    if (place === undefined)
      throw vmmErrors.KATA_VMM_SLOTS({ slots: lines.lastVirtio - lines.firstVirtio + 1, devices: slot + 1 });
    const device = await makeDevice({ sys, log }, spec);
    const { descriptors } = sys;
    const raise = descriptors.eventfd();
    wires.connectLine(place.line, raise);
    const transport = new MmioTransport({
      device,
      memory,
      interruptStatus: interrupts.word(slot),
      raise: () => descriptors.addEventfd(raise),
      log,
    });
    bus.add(place.address, layout.virtioStride, transport);
    const eventfds = [raise];
    const watches = device.queueSizes.map((_, queue) => {
      const notify = descriptors.eventfd();
      eventfds.push(notify);
      wires.connectWrite(place.address + mmioRegister.queueNotify, queue, notify);
      return descriptors.watch(notify, { readable: true }, () => {
        descriptors.readEventfd(notify);
        transport.notified(queue);
      });
    });
    this.#plugged.set(spec.id, { transport, watches, eventfds });
  }

  /** Ends all devices. The vCPUs must not run any more. */
  async close(): Promise<void> {
    for (const { watches } of this.#plugged.values()) for (const watch of watches) watch.close();
    await Promise.all([...this.#plugged.values()].map(({ transport }) => transport.close()));
    for (const { eventfds } of this.#plugged.values()) for (const fd of eventfds) this.#parts.sys.descriptors.close(fd);
    this.#plugged.clear();
  }
}
