import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OpenFlag } from "../../../src/core/sys/open-flags.js";
import type { KernelModules } from "../machine/kernel-modules.js";
import { entries } from "../machine/pci-path.js";
import type { AgentRoots } from "../roots.js";
import { plugErrors } from "./errors.js";

/** What slots are found and bound with. */
export interface SlotTools {
  readonly roots: Pick<AgentRoots, "sys" | "proc" | "dev">;
  readonly modules: Pick<KernelModules, "load">;
}

/** Registers of a slot for a virtio device: where they begin, and how many bytes they are. */
export interface SlotPlace {
  readonly address: number;
  readonly size: number;
}

/** Modules by the number of their kind of virtio device (virtio 1.2, 5): nobody else loads one for a device that comes. */
const driverModules: ReadonlyMap<number, string> = new Map([
  [1, "virtio_net"],
  [2, "virtio_blk"],
  [3, "virtio_console"],
  [4, "virtio_rng"],
  [5, "virtio_balloon"],
  [24, "virtio_mem"],
  [26, "virtiofs"],
]);

/**
 * Has the driver of memory-mapped virtio devices look at a slot again, into which the machine has put a device, and the
 * device's own driver take it. All is done when this is done: the kernel does it in the write that asks for it. Answers the
 * name of the disk that has come of it, if one has. ENODEV when there is no such slot, or no driver takes the device.
 */
export async function takeDevice(tools: SlotTools, place: SlotPlace): Promise<string | undefined> {
  const slot = await findSlot(tools, place);
  if (!existsSync(join(slot.directory, "driver"))) await tell(slot.driver, "bind", slot.name);
  try {
    const device = virtioDevice(slot.directory);
    if (device === undefined) throw plugErrors.KATA_GUEST_SLOT_EMPTY({ slot: slot.name });
    await withDriver(tools, device);
    return entries(join(device, "block"))[0];
  } catch (error) {
    await tell(slot.driver, "unbind", slot.name);
    throw error;
  }
}

/** Has the drivers of a slot's device let go of it. EBUSY when it is a disk that is in use; nothing for an empty slot. */
export async function leaveDevice(tools: SlotTools, place: SlotPlace): Promise<void> {
  const slot = await findSlot(tools, place);
  if (!existsSync(join(slot.directory, "driver"))) return;
  const device = virtioDevice(slot.directory);
  for (const disk of device === undefined ? [] : entries(join(device, "block")))
    assertUnused(join(tools.roots.dev, disk));
  await tell(slot.driver, "unbind", slot.name);
}

/** A slot as the kernel has it: `LNRO0005:03` where ACPI tells of it, `virtio-mmio.3` where the command line does. */
interface Slot {
  readonly name: string;
  readonly directory: string;
  /** Directory of the driver of all slots. */
  readonly driver: string;
}

/** Finds the slot by the addresses of its registers, which are the same however the kernel has learnt of it. */
async function findSlot({ roots, modules }: SlotTools, { address, size }: SlotPlace): Promise<Slot> {
  const bus = join(roots.sys, "bus/platform");
  const driver = join(bus, "drivers/virtio-mmio");
  if (!existsSync(driver)) await modules.load("virtio_mmio");
  const range = [address, address + size - 1].map((one) => one.toString(16).padStart(8, "0")).join("-");
  for (const line of (await readFile(join(roots.proc, "iomem"), "latin1")).split("\n")) {
    const [where = "", name = ""] = line.trim().split(" : ");
    const directory = join(bus, "devices", name);
    if (where === range && /^[\w.:-]+$/.test(name) && existsSync(directory)) return { name, directory, driver };
  }
  throw plugErrors.KATA_GUEST_SLOT_UNKNOWN({ range });
}

function virtioDevice(directory: string): string | undefined {
  const name = entries(directory).find((entry) => /^virtio\d+$/.test(entry));
  return name === undefined ? undefined : join(directory, name);
}

async function withDriver({ modules }: SlotTools, device: string): Promise<void> {
  const isTaken = () => existsSync(join(device, "driver"));
  if (isTaken()) return;
  const kind = Number(readFileSync(join(device, "device"), "latin1"));
  const module = driverModules.get(kind);
  if (module !== undefined) await modules.load(module);
  if (!isTaken()) throw plugErrors.KATA_GUEST_DEVICE_REFUSED({ kind });
}

/** The kernel opens a disk that is mounted, or a part of something else, for nobody else exclusively. */
function assertUnused(node: string): void {
  if (existsSync(node)) closeSync(openSync(node, OpenFlag.exclusive | OpenFlag.closeOnExec));
}

/** Writes into a file of a driver's, which does at once what it is told: a thread waits for it, not the agent. */
async function tell(driver: string, file: "bind" | "unbind", name: string): Promise<void> {
  await writeFile(join(driver, file), name, { flag: OpenFlag.write });
}
