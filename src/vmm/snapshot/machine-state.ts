import type { Msrs } from "../kvm/msrs.js";
import { chipBytes, type ChipName, type SavedChips } from "../kvm/saved-chips.js";
import { type SavedVcpu, vcpuStructureBytes, vcpuStructures } from "../kvm/saved-vcpu.js";
import { cpuidTable } from "../kvm/cpuid.js";
import { type MemoryRange, pageSize } from "../memory/guest-ram.js";
import { type Plain, plainBytes, plainInteger } from "./plain.js";
import type { PlainReader } from "./plain-reader.js";

/** All of a machine but the bytes of its memory. */
export interface MachineState {
  /** What the host's processors give a guest: `processorKind`. */
  readonly processor: string;
  /** Of the memory's file: no other fits. */
  readonly memoryId: string;
  readonly regions: readonly MemoryRange[];
  readonly vcpus: readonly SavedVcpu[];
  readonly chips: SavedChips;
  readonly devices: Plain;
}

/** As it was read from a file: what is the devices' is for them to look at. */
export type ReadMachineState = Omit<MachineState, "devices"> & { readonly devices: unknown };

/** More than any machine of ours has. */
const mostVcpus = 256;
const mostRegions = 16;
const mostMsrs = 4096;

export function encodeMachine({ processor, memoryId, regions, vcpus, chips, devices }: MachineState): Plain {
  return {
    processor,
    memory: { id: memoryId, regions: regions.map(({ address, size }) => ({ address, size })) },
    vcpus: vcpus.map(encodeVcpu),
    chips: Object.fromEntries(Object.entries(chips).map(([name, bytes]) => [name, plainBytes(bytes as Uint8Array)])),
    devices,
  };
}

/** `KATA_VMM_SNAPSHOT_STATE` for what `encodeMachine` does not write. */
export function readMachine(from: PlainReader): ReadMachineState {
  const memory = from.field("memory");
  const chips = from.field("chips");
  const chip = (name: ChipName): Uint8Array => chips.field(name).bytes(chipBytes[name]);
  return {
    processor: from.field("processor").text(),
    memoryId: memory.field("id").text(64),
    regions: memory.field("regions").list(mostRegions).map(readRegion),
    vcpus: from.field("vcpus").list(mostVcpus).map(readVcpu),
    chips: {
      firstPic: chip("firstPic"),
      secondPic: chip("secondPic"),
      ioApic: chip("ioApic"),
      timer: chip("timer"),
      clock: chip("clock"),
    },
    devices: from.field("devices").raw(),
  };
}

function encodeVcpu(vcpu: SavedVcpu): Plain {
  return {
    ...Object.fromEntries(vcpuStructures.map((name) => [name, plainBytes(vcpu[name])])),
    cpuid: plainBytes(vcpu.cpuid),
    msrs: vcpu.msrs.map(([number, value]) => [number, plainInteger(value)]),
    tscKhz: vcpu.tscKhz ?? null,
  };
}

function readVcpu(from: PlainReader): SavedVcpu {
  const { headerBytes, entryBytes, mostEntries } = cpuidTable;
  const structures = Object.fromEntries(
    vcpuStructures.map((name) => [name, from.field(name).bytes(vcpuStructureBytes(name))]),
  ) as Record<(typeof vcpuStructures)[number], Uint8Array>;
  const cpuid = from.field("cpuid").bytes({ most: headerBytes + mostEntries * entryBytes });
  const entries = (cpuid.length - headerBytes) / entryBytes;
  if (entries < 0 || new DataView(cpuid.buffer, cpuid.byteOffset).getUint32(0, true) !== entries) {
    throw from.field("cpuid").broken("does not have the entries that it says");
  }
  return {
    ...structures,
    cpuid,
    msrs: from.field("msrs").list(mostMsrs).map(readMsr),
    tscKhz: from.optional("tscKhz")?.number({ least: 1, most: 0x7fffffff }),
  };
}

function readMsr(from: PlainReader): Msrs[number] {
  const [number, value] = from.list(2);
  if (number === undefined || value === undefined) throw from.broken("is no number with its value");
  return [number.number({ most: 0xffffffff }), value.integer(64)];
}

function readRegion(from: PlainReader): MemoryRange {
  const address = from.field("address").number();
  const size = from.field("size").number({ least: pageSize });
  if (address % pageSize !== 0 || size % pageSize !== 0) throw from.broken(`is not whole pages of ${pageSize}`);
  return { address, size };
}
