import type { Logger } from "../../../src/core/log.js";
import type { Machine, PowerAction } from "../../../src/core/sys/machine.js";

/** Milliseconds the disks get before the machine ends without them. */
const syncTime = 2_000;

/** Signals a guest's first process is told the machine's end by: by the host, Ctrl-Alt-Delete, or `reboot` and `poweroff`. */
const actions: Readonly<Partial<Record<NodeJS.Signals, PowerAction>>> = {
  SIGTERM: "power-off",
  SIGINT: "power-off",
  SIGUSR2: "power-off",
};

/** Ends the machine, its disks written if that goes quickly. */
export async function endMachine(machine: Machine, action: PowerAction): Promise<void> {
  await Promise.race([machine.sync(), new Promise((resolve) => setTimeout(resolve, syncTime))]);
  machine.reboot(action);
}

/** Ends the machine when a signal asks for it. */
export function obeyPowerSignals(machine: Machine, log: Logger): void {
  for (const [signal, action] of Object.entries(actions) as [NodeJS.Signals, PowerAction][]) {
    process.once(signal, () => {
      log.info("the machine ends", { signal });
      void endMachine(machine, action);
    });
  }
}
