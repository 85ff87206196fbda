import type { Logger } from "../../core/log.js";
import type { Sys } from "../../core/sys/sys.js";
import type { Bus } from "../bus/bus.js";
import { vmmErrors } from "../errors.js";
import type { KvmWires } from "../kvm/kvm-wires.js";
import type { ReadOnlyPage } from "../kvm/read-only-page.js";
import { layout, mostSlots, type VirtioSlot, virtioSlot } from "../machine/layout.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import type { Plain } from "../snapshot/plain.js";
import type { PlainReader } from "../snapshot/plain-reader.js";
import type { VirtioDevice } from "../virtio/device.js";
import { MemDevice } from "../virtio/mem/mem-device.js";
import { interruptReason, mmioRegister } from "../virtio/mmio-registers.js";
import { MmioSlot } from "../virtio/mmio-slot.js";
import { MmioTransport } from "../virtio/mmio-transport.js";
import type { DeviceSpec, PluggedDevice } from "./device-spec.js";
import type { InterruptStatus } from "./interrupt-status.js";
import { type DeviceTools, makeDevice } from "./make-device.js";
import { QueueWires } from "./queue-wires.js";
import { closeSpec } from "./spec-descriptors.js";

/** What the devices are plugged into. */
export interface VirtioSetParts {
  readonly sys: Sys;
  readonly log: Logger;
  readonly memory: GuestMemory;
  readonly bus: Bus;
  readonly wires: Pick<KvmWires, "connectLine" | "connectWrite" | "disconnectLine" | "disconnectWrite" | "pulseLine">;
  readonly interrupts: InterruptStatus;
  readonly memoryPlugged: (bytes: number) => void;
  /** A page in a slot's place, in which the guest may read registers; there is none unless told. */
  readonly page?: (slot: number, address: number) => ReadOnlyPage;
  /** Makes a device of its spec; `makeDevice` unless told. */
  readonly make?: (tools: DeviceTools, spec: DeviceSpec) => Promise<VirtioDevice>;
}

/** A slot, and where the guest finds it. */
interface Place {
  readonly slot: MmioSlot;
  readonly place: VirtioSlot;
}

/** What is added to an eventfd: four bytes of that value that the guest writes there. */
interface WiredWrite {
  readonly address: number;
  readonly value: number;
  readonly eventfd: number;
}

interface Plugged extends Place {
  readonly number: number;
  readonly spec: DeviceSpec;
  readonly device: VirtioDevice;
  readonly transport: MmioTransport;
  readonly wires: QueueWires;
  readonly writes: readonly WiredWrite[];
  readonly page: ReadOnlyPage | undefined;
  /** Raises the line for others who serve queues. */
  readonly raise: number;
  /**
   * Counts what the driver acknowledges of queues, for nobody: it does so at each interrupt, and needs not leave the guest for
   * it. The register says "queue" from the first interrupt on then, and a driver looks at its queues once too often.
   */
  readonly seen: number;
}

/** The virtio devices of a machine, in slots that are all there from the start. One call at a time. */
export class VirtioSet {
  readonly #parts: VirtioSetParts;
  readonly #slots: readonly Place[];
  readonly #plugged = new Map<string, Plugged>();

  constructor(parts: VirtioSetParts) {
    this.#parts = parts;
    this.#slots = allSlots().map((place) => ({ place, slot: new MmioSlot() }));
    for (const { slot, place } of this.#slots) parts.bus.add(place.address, layout.virtioStride, slot);
  }

  /**
   * Makes a device and plugs it in; it goes on where one that was saved has stopped, when there is such a one. When that fails
   * nothing of it is left, and its descriptors are closed.
   */
  async add({ slot: number, spec }: PluggedDevice, saved?: PlainReader): Promise<void> {
    const { slot, device } = await this.#make(number, spec);
    let plugged: Plugged;
    try {
      plugged = this.#wire(device, { number, spec }, slot);
    } catch (error) {
      await device.close();
      throw error;
    }
    this.#plugged.set(spec.id, plugged);
    if (saved !== undefined) plugged.transport.restore(saved);
  }

  /**
   * Takes a device out, whatever its driver does with it: it finds an empty slot. When this is done nothing of the guest's
   * memory is touched for the device, and all it had is given back. `KATA_VMM_DEVICE_UNKNOWN` when there is none of that id.
   */
  async remove(id: string): Promise<void> {
    const plugged = this.#plugged.get(id);
    if (plugged === undefined) throw vmmErrors.KATA_VMM_DEVICE_UNKNOWN({ id, there: [...this.#plugged.keys()] });
    this.#plugged.delete(id);
    plugged.slot.unplug();
    this.#disconnectWrites(plugged.writes);
    try {
      await plugged.transport.close();
    } finally {
      this.#parts.wires.disconnectLine(plugged.place.line, plugged.raise);
      this.#release(plugged);
    }
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
    return [...this.#plugged.values()].map(({ number, spec, transport }) => {
      return { slot: number, id: spec.id, kind: spec.kind, transport: transport.save() };
    });
  }

  /** Asks the guest to have that much memory plugged in, in bytes: `KATA_VMM_MEM_SIZE`. Nothing without a device for it. */
  requestMemory(bytes: number): void {
    for (const { device } of this.#plugged.values()) if (device instanceof MemDevice) device.requested = bytes;
  }

  /** Ends all devices. The vCPUs must not run any more. */
  async close(): Promise<void> {
    const all = [...this.#plugged.values()];
    this.#plugged.clear();
    await Promise.all(all.map(({ transport }) => transport.close()));
    for (const plugged of all) this.#release(plugged);
  }

  async #make(number: number, spec: DeviceSpec): Promise<{ readonly slot: Place; readonly device: VirtioDevice }> {
    const { sys, log, memory, memoryPlugged, make = makeDevice } = this.#parts;
    try {
      const slot = this.#slots[number];
      if (slot === undefined) throw vmmErrors.KATA_VMM_SLOTS({ slots: mostSlots, devices: number + 1 });
      return { slot, device: await make({ sys, log, memory, memoryPlugged }, spec) };
    } catch (error) {
      closeSpec(sys, spec);
      throw error;
    }
  }

  #wire(
    device: VirtioDevice,
    { number, spec }: { readonly number: number; readonly spec: DeviceSpec },
    { slot, place }: Place,
  ): Plugged {
    const { sys, log, memory, wires, interrupts } = this.#parts;
    const { descriptors } = sys;
    const page = device.fixedConfiguration === true ? this.#parts.page?.(number, place.address) : undefined;
    const [raise, seen] = [descriptors.eventfd(), descriptors.eventfd()];
    const queues = new QueueWires(descriptors, device.queueSizes.length, (queue) => transport.notified(queue));
    const transport = new MmioTransport({
      device,
      memory,
      interruptStatus: interrupts.word(number),
      raise: () => wires.pulseLine(place.line),
      log,
      // Whoever serves the queue raises the line past this thread.
      handOver: (queue) => ({ kick: queues.handOver(queue), call: raise }),
      takeBack: () => queues.takeBack(),
      ...(page !== undefined && { shown: page }),
    });
    const writes = [
      ...queues.notify.map((eventfd, value) => ({ address: place.address + mmioRegister.queueNotify, value, eventfd })),
      { address: place.address + mmioRegister.interruptAck, value: interruptReason.queue, eventfd: seen },
    ];
    const plugged = { number, spec, device, slot, place, transport, wires: queues, writes, page, raise, seen };
    const connected: WiredWrite[] = [];
    try {
      slot.plug(transport);
      for (const write of writes) {
        wires.connectWrite(write.address, write.value, write.eventfd);
        connected.push(write);
      }
      wires.connectLine(place.line, raise);
    } catch (error) {
      slot.unplug();
      this.#disconnectWrites(connected);
      this.#release(plugged);
      throw error;
    }
    return plugged;
  }

  #disconnectWrites(writes: readonly WiredWrite[]): void {
    for (const { address, value, eventfd } of writes) this.#parts.wires.disconnectWrite(address, value, eventfd);
  }

  #release({ wires, page, raise, seen }: Plugged): void {
    wires.close();
    page?.close();
    for (const eventfd of [raise, seen]) this.#parts.sys.descriptors.close(eventfd);
  }
}

function allSlots(): readonly VirtioSlot[] {
  return Array.from({ length: mostSlots }, (_, index) => virtioSlot(index)).filter((slot) => slot !== undefined);
}
