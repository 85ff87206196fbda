import type { Slot } from "./bus.js";
import type { Properties, QemuCommand } from "./command.js";

/** A character device that connects to somebody's socket. */
export interface ChardevPart {
  readonly kind: "chardev";
  readonly id: string;
  readonly path: string;
}

/** A part of a device in JSON: `blockdev` and `netdev` are what stands behind it on the host. */
export interface JsonPart {
  readonly kind: "blockdev" | "netdev" | "device";
  readonly properties: Properties;
}

/** A device as QEMU is told of it, by command line or by monitor: its parts in order, the device itself last. */
export interface DevicePlan {
  /** QEMU's name of the device; ours, because that of whoever adds it may have any form. */
  readonly name: string;
  readonly parts: readonly (ChardevPart | JsonPart)[];
  readonly slot: Slot;
  /** What stands behind the device on the host and outlives it. */
  readonly backend?: { readonly kind: "node" | "netdev"; readonly name: string };
  /** Descriptors that a running machine is given first, under these names. */
  readonly descriptors?: readonly { readonly name: string; readonly fd: number }[];
  /** How the agent finds it, where it needs to be told. */
  readonly guestLocator?: string;
}

/** Writes a device into the command line. */
export function addToCommand(command: QemuCommand, plan: DevicePlan): void {
  for (const part of plan.parts) {
    if (part.kind === "chardev") command.keyed("chardev", "socket", { id: part.id, path: part.path });
    else command.json(part.kind, part.properties);
  }
}
