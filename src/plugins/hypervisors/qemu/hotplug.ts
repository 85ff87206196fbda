import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../../../core/errors/error.js";
import type { QmpClient } from "./qmp/client.js";
import type { DevicePlan } from "./device-plan.js";

/** How long the guest may take to let go of a device, in milliseconds, when its code is not emulated. */
const unplugMs = 5000;

/** How often a disk that QEMU still flushes is asked for. */
const removalPauseMs = 20;

/** Plugs a device into a running machine; when that fails, what stands behind it is removed again. */
export async function plugIn(monitor: QmpClient, plan: DevicePlan): Promise<void> {
  let hasNode = false;
  try {
    for (const part of plan.parts) {
      if (part.kind === "chardev") throw new Error("a device with a socket is there before the machine starts");
      await monitor.execute(commands[part.kind], part.properties);
      hasNode ||= part.kind === "blockdev";
    }
  } catch (error) {
    if (hasNode && plan.node !== undefined) await removeNode(monitor, plan.node);
    throw error;
  }
}

const commands = { blockdev: "blockdev-add", netdev: "netdev_add", device: "device_add" } as const;

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
  if (plan.node !== undefined) await removeNode(monitor, plan.node);
}

/** Removes a disk's node, which may be in use for a moment after its device has gone. */
async function removeNode(monitor: QmpClient, node: string): Promise<void> {
  for (let tries = 50; ; tries--) {
    try {
      await monitor.execute("blockdev-del", { "node-name": node });
      return;
    } catch (error) {
      if (tries === 0 || codeOf(error) !== "KATA_QMP_REFUSED") throw error;
      await sleep(removalPauseMs);
    }
  }
}
