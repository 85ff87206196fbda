import { kvmRequests, kvmStructureBytes } from "../../core/kvm/abi.js";
import { errnoNameOf } from "../../core/sys/sys-error.js";
import type { Devices } from "../../core/sys/devices.js";
import { cpuidTable } from "./cpuid.js";
import { type Msrs, msrNumbers, readMsrs, tscDeadline, writeMsrs } from "./msrs.js";
import { snapshotErrors } from "../snapshot/errors.js";

/** Requests by which KVM gives a structure of a vCPU's state, and takes it back. */
const structures = {
  registers: [kvmRequests.getRegs, kvmRequests.setRegs],
  special: [kvmRequests.getSregs, kvmRequests.setSregs],
  extended: [kvmRequests.getXsave, kvmRequests.setXsave],
  extendedControl: [kvmRequests.getXcrs, kvmRequests.setXcrs],
  debug: [kvmRequests.getDebugRegs, kvmRequests.setDebugRegs],
  localApic: [kvmRequests.getLapic, kvmRequests.setLapic],
  running: [kvmRequests.getMpState, kvmRequests.setMpState],
  events: [kvmRequests.getVcpuEvents, kvmRequests.setVcpuEvents],
} as const;

/** The name of such a structure. */
export type VcpuStructure = keyof typeof structures;

/** All of them. */
export const vcpuStructures = Object.keys(structures) as readonly VcpuStructure[];

/** Bytes of one. */
export const vcpuStructureBytes = (name: VcpuStructure): number => kvmStructureBytes(structures[name][0]);

/** All that a vCPU is, as KVM has it; structures as in `linux/kvm.h`. */
export interface SavedVcpu extends Readonly<Record<VcpuStructure, Uint8Array>> {
  /** `struct kvm_cpuid2` with its entries. */
  readonly cpuid: Uint8Array;
  readonly msrs: Msrs;
  /** What its time stamp counter counts in a millisecond; absent where KVM cannot tell. */
  readonly tscKhz: number | undefined;
}

/** Counters that differ by no more than this, in millionths, are one to a guest. */
const tscTolerance = 250e-6;

/**
 * Reads a vCPU that does not run. `kvm` is the descriptor of /dev/kvm. The running state comes first, since asking for it
 * changes others; the APIC after its timer's deadline, so that a timer which ends meanwhile is seen twice and not never; the
 * events at the end.
 */
export function saveVcpu(devices: Devices, kvm: number, vcpu: number): SavedVcpu {
  const get = (name: VcpuStructure): Uint8Array => {
    const bytes = new Uint8Array(vcpuStructureBytes(name));
    devices.ioctl(vcpu, structures[name][0], bytes);
    return bytes;
  };
  const running = get("running");
  const msrs = readMsrs(devices, vcpu, msrNumbers(devices, kvm));
  return {
    running,
    registers: get("registers"),
    special: get("special"),
    extended: get("extended"),
    extendedControl: get("extendedControl"),
    debug: get("debug"),
    cpuid: readCpuid(devices, vcpu),
    tscKhz: readTscKhz(devices, vcpu),
    msrs,
    localApic: get("localApic"),
    events: get("events"),
  };
}

/**
 * Makes a new vCPU what another was. What it can do comes first; the local APIC after the special registers, which say where
 * it is; the registers that need the APIC in its mode after that; what is pending at the end.
 * `KATA_VMM_SNAPSHOT_PROCESSOR` when this host's cannot be that.
 */
export function restoreVcpu(devices: Devices, vcpu: number, saved: SavedVcpu): void {
  const set = (name: VcpuStructure): void => void devices.ioctl(vcpu, structures[name][1], saved[name]);
  devices.ioctl(vcpu, kvmRequests.setCpuid2, saved.cpuid);
  restoreTscKhz(devices, vcpu, saved.tscKhz);
  for (const name of ["running", "registers", "special", "extended", "extendedControl", "debug"] as const) set(name);
  set("localApic");
  const isDeadline = ([number]: Msrs[number]): boolean => number === tscDeadline;
  const plain = saved.msrs.filter((msr) => !isDeadline(msr));
  const refused = [...writeMsrs(devices, vcpu, plain), ...writeMsrs(devices, vcpu, saved.msrs.filter(isDeadline))];
  if (refused.length > 0) {
    const problem = `KVM does not take its registers ${refused.map(([number]) => `0x${number.toString(16)}`).join(", ")}`;
    throw snapshotErrors.KATA_VMM_SNAPSHOT_PROCESSOR({ problem });
  }
  set("events");
}

/** Tells a guest that it was paused: of no effect for one that has not asked KVM for its clock. */
export function tellPaused(devices: Pick<Devices, "ioctl">, vcpu: number): void {
  try {
    devices.ioctl(vcpu, kvmRequests.clockControl, 0);
  } catch (error) {
    if (errnoNameOf(error) !== "EINVAL") throw error;
  }
}

function readCpuid(devices: Pick<Devices, "ioctl">, vcpu: number): Uint8Array {
  const { headerBytes, entryBytes, mostEntries } = cpuidTable;
  const table = new Uint8Array(headerBytes + mostEntries * entryBytes);
  const view = new DataView(table.buffer);
  view.setUint32(0, mostEntries, true);
  devices.ioctl(vcpu, kvmRequests.getCpuid2, table);
  return table.slice(0, headerBytes + view.getUint32(0, true) * entryBytes);
}

/** Undefined where the host's counters are not steady. */
function readTscKhz(devices: Pick<Devices, "ioctl">, vcpu: number): number | undefined {
  try {
    return devices.ioctl(vcpu, kvmRequests.getTscKhz, 0);
  } catch (error) {
    if (errnoNameOf(error) !== "EIO") throw error;
    return undefined;
  }
}

function restoreTscKhz(devices: Pick<Devices, "ioctl">, vcpu: number, wanted: number | undefined): void {
  const there = readTscKhz(devices, vcpu);
  if (wanted === undefined || there === undefined || Math.abs(there - wanted) <= wanted * tscTolerance) return;
  try {
    devices.ioctl(vcpu, kvmRequests.setTscKhz, wanted);
  } catch (cause) {
    const problem = `its time stamp counter counted ${wanted} kHz, this host's ${there}, and KVM cannot scale them`;
    throw snapshotErrors.KATA_VMM_SNAPSHOT_PROCESSOR({ problem }, { cause });
  }
}
