import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../../../core/errors/error.js";
import { commandDeadline, type QmpClient } from "./qmp/client.js";
import type { DevicePlan } from "./device-plan.js";

/** How long the guest may take to let go of a device, in milliseconds, when its code is not emulated. */
const unplugMs = 5000;

/** How often a disk that QEMU still flushes is asked for. */
const removalPauseMs = 20;

const commands = { blockdev: "blockdev-add", netdev: "netdev_add", device: "device_add" } as const;

/**
 * Plugs a device into a running machine; when that fails, what stands behind it is removed again. `extraMs` is how much
 * longer than usual that may take, in milliseconds.
 */
export async function plugIn(monitor: QmpClient, plan: DevicePlan, extraMs: number): Promise<void> {
  const given: string[] = [];
  let hasBackend = false;
  try {
    for (const { name, fd } of plan.descriptors ?? []) {
      await monitor.giveDescriptor(name, fd);
      given.push(name);
    }
    for (const part of plan.parts) {
      if (part.kind === "chardev") throw new Error("a device with a socket is there before the machine starts");
      await monitor.execute(commands[part.kind], part.properties, commandDeadline + extraMs);
      hasBackend ||= part.kind !== "device";
    }
  } catch (error) {
    if (hasBackend) await removeBackend(monitor, plan);
    else for (const fdname of given) await takeBack(monitor, fdname);
    throw error;
  }
}

/** Has QEMU close a descriptor that no device uses; one that a failed command has used already is gone. */
async function takeBack(monitor: QmpClient, fdname: string): Promise<void> {
  await monitor.execute("closefd", { fdname }).catch((error: unknown) => {
    if (codeOf(error) !== "KATA_QMP_REFUSED") throw error;
  });
}

/**
 * Takes a device out of a running machine. The guest has to agree: when it does not within the time it has, `KATA_DEADLINE`
 * or QEMU's refusal, and the device stays. `slowdown` stretches that time.
 */
export async function pullOut(monitor: QmpClient, plan: DevicePlan, slowdown: number): Promise<void> {
  const deleted = monitor.expectEvent("DEVICE_DELETED", (data) => data["device"] === plan.name);
  try {
    await monitor.execute("device_del", { id: plan.name });
    await deleted.within(unplugMs * slowdown);
  } finally {
    deleted.forget();
  }
  await removeBackend(monitor, plan);
}

/** Removes what stood behind a device; a disk's node may be in use for a moment after its device has gone. */
async function removeBackend(monitor: QmpClient, { backend }: DevicePlan): Promise<void> {
  if (backend === undefined) return;
  if (backend.kind === "netdev") return void (await monitor.execute("netdev_del", { id: backend.name }));
  for (let tries = 50; ; tries--) {
    try {
      await monitor.execute("blockdev-del", { "node-name": backend.name });
      return;
    } catch (error) {
      if (tries === 0 || codeOf(error) !== "KATA_QMP_REFUSED") throw error;
      await sleep(removalPauseMs);
    }
  }
}
