import type { Accelerator } from "./accelerator.js";
import type { Slot } from "./bus.js";
import type { Properties, QemuCommand } from "./command.js";

/** A character device that connects to somebody's socket. */
export interface ChardevPart {
  readonly kind: "chardev";
  readonly id: string;
  readonly path: string;
}

/** What stands behind a device on the host, in JSON. `id` is that of `properties`: a disk's is its `node-name`. */
export interface BackendPart {
  readonly kind: "object" | "blockdev" | "netdev";
  readonly id: string;
  readonly properties: Properties;
}

/** The device itself, in JSON. */
export interface FrontendPart {
  readonly kind: "device";
  readonly properties: Properties;
  /** What of it is different in a machine whose processor is emulated. */
  readonly emulated?: Properties;
}

export type DevicePart = ChardevPart | BackendPart | FrontendPart;

/** A device as QEMU is told of it, by command line or by monitor: its parts in order, the device itself last. */
export interface DevicePlan {
  /** QEMU's name of the device; ours, because that of whoever adds it may have any form. */
  readonly name: string;
  readonly parts: readonly DevicePart[];
  readonly slot: Slot;
  /** Descriptors that a running machine is given first, under these names. */
  readonly descriptors?: readonly { readonly name: string; readonly fd: number }[];
  /** How the agent finds it, where it needs to be told. */
  readonly guestLocator?: string;
}

/** The properties of a device in a machine that this accelerator runs. */
export const deviceProperties = ({ properties, emulated }: FrontendPart, by: Accelerator["kind"]): Properties =>
  by === "kvm" ? properties : { ...properties, ...emulated };

/** Writes a device of a machine that this accelerator runs into the command line. */
export function addToCommand(command: QemuCommand, plan: DevicePlan, by: Accelerator["kind"]): void {
  for (const part of plan.parts) {
    if (part.kind === "chardev") command.keyed("chardev", "socket", { id: part.id, path: part.path });
    else if (part.kind === "device") command.json("device", deviceProperties(part, by));
    else command.json(part.kind, part.properties);
  }
}
