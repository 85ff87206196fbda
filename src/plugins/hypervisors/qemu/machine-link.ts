import type { GuestConsole } from "../../../core/hypervisor/guest-console.js";
import type { Logger } from "../../../core/log.js";
import type { HelperProcess } from "../../../core/process/helper-process.js";
import { QmpClient } from "./qmp/client.js";
import type { QmpEvent } from "./qmp/messages.js";
import type { MachineSocketFiles } from "./sockets.js";

/** How long the monitor of a QEMU that is adopted may take to answer: it has nothing else to do. */
export const adoptedDeadline = 10_000;

/** How long QEMU may take to end by itself after it was told to. */
const quitMs = 5000;

/** What the guest did when its machine ended, by QEMU's reason (`ShutdownCause`, qapi/run-state.json). */
const guestReasons: ReadonlyMap<unknown, string> = new Map([
  ["guest-shutdown", "its guest powered it off"],
  ["guest-reset", "its guest reset it, or a processor of it stopped at a triple fault"],
  ["guest-panic", "its guest panicked"],
]);

const usual = ["RESUME", "STOP", "SHUTDOWN"];
const grave = ["BLOCK_IO_ERROR", "GUEST_PANICKED"];

/**
 * Connects to the guest's console and to the monitor of a QEMU; `greeted`, within `ms`, says its version. `onEnd` hears what the
 * guest did when its machine ends by that.
 */
export async function connectMachine(
  sockets: MachineSocketFiles,
  console: GuestConsole,
  log: Logger,
  { ms, onEnd }: { readonly ms: number; readonly onEnd: (why: string) => void },
): Promise<{ monitor: QmpClient; greeted: Promise<string> }> {
  // Before the monitor, so that no first line of the guest is lost.
  console.attach(await sockets.connect("console"));
  const { stream, send } = await sockets.connectForDescriptors("qmp");
  const onEvent = ({ name, data }: QmpEvent): void => {
    if (usual.includes(name)) log.debug("QEMU's event", { name, data });
    else if (grave.includes(name)) log.warn("QEMU's event", { name, data });
    const why = name === "SHUTDOWN" ? guestReasons.get(data["reason"]) : undefined;
    if (why !== undefined) onEnd(why);
  };
  const monitor = new QmpClient(stream, onEvent, send);
  return { monitor, greeted: monitor.negotiate(ms) };
}

/** Asks QEMU to end: it writes out its disks. That it does not answer is no error, it is ended by signals then. */
export async function askToQuit(child: HelperProcess, monitor: QmpClient | undefined, log: Logger): Promise<void> {
  const asked = monitor?.execute("quit", undefined, quitMs).catch((error: unknown) => {
    if (child.exit === undefined) log.debug("QEMU did not answer to quit", { error });
  });
  await Promise.race([asked, child.exited]);
  await child.waitFor(quitMs);
}
