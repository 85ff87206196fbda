import type { Device } from "../../../core/contracts/device.js";
import type { GuestAddress } from "../../../core/contracts/guest-address.js";
import { isPlainObject } from "../../../core/sandbox/plain-object.js";
import { stateErrors } from "../../../core/sandbox/state-errors.js";
import type { Accelerator } from "./accelerator.js";
import type { Properties } from "./command.js";
import type { DevicePart } from "./device-plan.js";
import type { ScsiUnitsState } from "./scsi-units.js";

/** A device of a machine that runs. */
export interface DeviceState {
  /** Without the descriptors it had: QEMU has those. */
  readonly device: Device;
  readonly name: string;
  readonly parts: readonly DevicePart[];
  readonly place: Properties;
  readonly guestLocator?: string;
}

/** The devices of a machine that runs, and how many names were given away. */
export interface DeviceSetState {
  readonly devices: readonly DeviceState[];
  readonly names: number;
  readonly disks: number;
  readonly units: ScsiUnitsState;
}

/** What another process needs to know of a running QEMU, besides its pid, which is in the sandbox's record. */
export interface MachineState {
  readonly cid?: number;
  /** Names of its sockets in the run directory. */
  readonly sockets: readonly string[];
  readonly program: string;
  readonly kernel: string;
  readonly accelerator: Accelerator;
  /** The size that it was started with. */
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly fixedSize: boolean;
  readonly sharesMemory: boolean;
  readonly devices: DeviceSetState;
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const isText = (value: unknown): value is string => typeof value === "string" && !value.includes("\0");
/** Becomes a part of a path. */
const isSocketName = (value: unknown): boolean => isText(value) && /^(qmp|console|extra|port-\d{1,5})$/.test(value);

function isDevice(value: unknown): boolean {
  if (!isPlainObject(value)) return false;
  const { device, name, parts, place } = value;
  const known = isPlainObject(device) && isText(device["kind"]) && isText(device["id"]);
  const named = isText(name) && /^device\d{1,9}$/.test(name);
  return known && named && Array.isArray(parts) && parts.every(isPart) && isPlainObject(place);
}

function isPart(value: unknown): boolean {
  if (!isPlainObject(value)) return false;
  const { kind, id, properties } = value;
  if (kind === "device") return isPlainObject(properties);
  return ["chardev", "object", "blockdev", "netdev"].includes(String(kind)) && isText(id);
}

function problemOf(value: unknown): string | undefined {
  if (!isPlainObject(value)) return "its state is not an object";
  const { cid, sockets, program, kernel, accelerator, vcpus, memoryMiB, fixedSize, sharesMemory, devices } = value;
  if (cid !== undefined && !(isCount(cid) && Number(cid) > 2)) return '"cid" is not that of a guest';
  if (!Array.isArray(sockets) || !sockets.every(isSocketName)) return '"sockets" are not names of sockets';
  if (!isText(program) || !isText(kernel)) return '"program" or "kernel" is no path';
  if (!isPlainObject(accelerator) || !["kvm", "tcg"].includes(String(accelerator["kind"])))
    return '"accelerator" is neither kvm nor tcg';
  if (!isCount(vcpus) || typeof fixedSize !== "boolean") return '"vcpus" or "fixedSize" is missing';
  if (!isCount(memoryMiB) || typeof sharesMemory !== "boolean") return '"memoryMiB" or "sharesMemory" is missing';
  if (!isPlainObject(devices) || !Array.isArray(devices["devices"]) || !devices["devices"].every(isDevice))
    return '"devices" is not a list of devices';
  const { names, disks, units } = devices;
  return isCount(names) && isCount(disks) && areUnits(units) ? undefined : '"devices" are not counted';
}

function areUnits(value: unknown): boolean {
  if (!isPlainObject(value) || !isCount(value["taken"])) return false;
  return Array.isArray(value["free"]) && value["free"].every(isCount);
}

/** Checks what was read from a file; `KATA_RECOVER_PART`. */
export function parseMachineState(value: unknown): MachineState {
  const problem = problemOf(value);
  if (problem !== undefined) throw stateErrors.KATA_RECOVER_PART({ what: "the machine of QEMU", problem });
  return value as MachineState;
}

/** How the guest of such a machine is reached. */
export function addressOf({ cid }: MachineState, directory: string): GuestAddress {
  return cid === undefined ? { kind: "virtio-serial", directory } : { kind: "vsock", cid };
}
