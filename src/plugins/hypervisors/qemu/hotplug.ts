import { setTimeout as sleep } from "node:timers/promises";
import { codeOf, messageOf } from "../../../core/errors/error.js";
import { commandDeadline, type QmpClient } from "./qmp/client.js";
import { chardevs } from "./qmp/queries.js";
import type { Accelerator } from "./accelerator.js";
import { qemuErrors } from "./errors.js";
import { type DevicePart, type DevicePlan, deviceProperties } from "./device-plan.js";

/** How long the guest may take to let go of a device, in milliseconds, when its code is not emulated. */
const unplugMs = 5000;

/** How often a disk that QEMU still flushes is asked for. */
const removalPauseMs = 20;

/** What is asked of QEMU's monitor. */
export type Monitor = Pick<QmpClient, "execute" | "giveDescriptor" | "expectEvent">;

/** How a device is plugged in. */
export interface PlugOptions {
  /** What the machine runs by. */
  readonly by: Accelerator["kind"];
  /** Milliseconds by which it may take longer than usual. */
  readonly extraMs: number;
}

/** Plugs a device into a running machine; when that fails, what was made of it is removed again, the last first. */
export async function plugIn(monitor: Monitor, plan: DevicePlan, options: PlugOptions): Promise<void> {
  const given: string[] = [];
  const made: DevicePart[] = [];
  try {
    for (const { name, fd } of plan.descriptors ?? []) {
      await monitor.giveDescriptor(name, fd);
      given.push(name);
    }
    for (const part of plan.parts) {
      await add(monitor, part, options);
      made.push(part);
    }
  } catch (error) {
    const errors = [error];
    const gather = (more: unknown) => void errors.push(more);
    // A backend that was made has the descriptors, and closes them.
    if (made.length === 0) for (const fdname of given) await takeBack(monitor, fdname).catch(gather);
    for (const part of made.toReversed()) await remove(monitor, part).catch(gather);
    throw errors.length === 1 ? error : new AggregateError(errors, `plugging in ${plan.name}, and undoing it`);
  }
}

async function add(monitor: Monitor, part: DevicePart, { by, extraMs }: PlugOptions): Promise<void> {
  switch (part.kind) {
    case "chardev": {
      const addr = { type: "unix", data: { path: part.path } };
      const backend = { type: "socket", data: { addr, server: false } };
      return void (await monitor.execute("chardev-add", { id: part.id, backend }));
    }
    case "object":
      return void (await monitor.execute("object-add", part.properties));
    case "blockdev":
      return void (await monitor.execute("blockdev-add", part.properties));
    case "netdev":
      return void (await monitor.execute("netdev_add", part.properties));
    case "device":
      return void (await monitor.execute("device_add", deviceProperties(part, by), commandDeadline + extraMs));
  }
}

/** Has a disk have another size; QEMU makes a file as large, and tells the guest by the node that its device has. */
export async function resizeDisk(monitor: Pick<Monitor, "execute">, plan: DevicePlan, size: number): Promise<void> {
  const nodes = plan.parts.flatMap((part) => (part.kind === "blockdev" ? [part.id] : []));
  const node = nodes.at(-1);
  if (node === undefined) throw new Error(`${plan.name} is no disk`);
  await monitor.execute("block_resize", { "node-name": node, size });
}

/** Has QEMU close a descriptor that no device uses; one that a failed command has used already is gone. */
async function takeBack(monitor: Monitor, fdname: string): Promise<void> {
  await monitor.execute("closefd", { fdname }).catch((error: unknown) => {
    if (codeOf(error) !== "KATA_QMP_REFUSED") throw error;
  });
}

/**
 * Takes a device out of a running machine. The guest has to agree: when it does not within the time it has,
 * `KATA_QEMU_DEVICE_STAYS`, and the device, of which `id` is the name for others, stays. It may be asked for again, also when
 * the guest has let go of it meanwhile. `slowdown` stretches the time.
 */
export async function pullOut(monitor: Monitor, plan: DevicePlan, id: string, slowdown: number): Promise<void> {
  const deleted = monitor.expectEvent("DEVICE_DELETED", (data) => data["device"] === plan.name);
  const ms = unplugMs * slowdown;
  try {
    if (await askToLeave(monitor, plan.name)) await deleted.within(ms);
  } catch (cause) {
    if (codeOf(cause) === "KATA_DEADLINE") throw qemuErrors.KATA_QEMU_DEVICE_STAYS({ id, ms }, { cause });
    throw cause;
  } finally {
    deleted.forget();
  }
  for (const part of plan.parts.toReversed()) await remove(monitor, part);
}

/** Whether the device is still there to be waited for: one that was asked before may be gone. */
async function askToLeave(monitor: Monitor, device: string): Promise<boolean> {
  try {
    await monitor.execute("device_del", { id: device });
    return true;
  } catch (error) {
    if (codeOf(error) === "KATA_QMP_NO_DEVICE") return false;
    // The guest was asked before, and has not answered yet (QEMU's qdev-monitor.c).
    if (messageOf(error).includes("already in the process of unplug")) return true;
    throw error;
  }
}

/** Removes what stood behind a device that is gone. */
async function remove(monitor: Monitor, part: DevicePart): Promise<void> {
  switch (part.kind) {
    case "chardev":
      return removeChardev(monitor, part.id);
    case "object":
      return removeUsed(monitor, "object-del", { id: part.id });
    case "blockdev":
      return removeUsed(monitor, "blockdev-del", { "node-name": part.id });
    case "netdev":
      return void (await monitor.execute("netdev_del", { id: part.id }));
    case "device":
      return;
  }
}

/** QEMU removes the one that a `netdev` had together with that, unless the `netdev` was never made. */
async function removeChardev(monitor: Monitor, id: string): Promise<void> {
  if ((await chardevs(monitor)).includes(id)) await monitor.execute("chardev-remove", { id });
}

/** What a disk had may be in use for a moment after its device has gone. */
async function removeUsed(monitor: Monitor, command: string, what: Readonly<Record<string, string>>): Promise<void> {
  for (let tries = 50; ; tries--) {
    try {
      await monitor.execute(command, what);
      return;
    } catch (error) {
      if (tries === 0 || codeOf(error) !== "KATA_QMP_REFUSED") throw error;
      await sleep(removalPauseMs);
    }
  }
}
