import { existsSync } from "node:fs";
import { Busctl } from "./bus-client.js";
import { Units } from "./units.js";

/** There when systemd runs the host, sd_booted(3). */
export const systemdMark = "/run/systemd/system";

/** The systemd that runs this host; undefined where none does. */
export function hostUnits(mark: string = systemdMark): Units | undefined {
  return existsSync(mark) ? new Units(new Busctl()) : undefined;
}

/**
 * Stops a unit that a record names, if it has the description that the record's sandbox gives its units: one that was made by
 * somebody else since stays. Where systemd does not run any more there is none. `before` is run just before it is stopped.
 */
export async function undoUnit(
  unit: string,
  description: string,
  units: Units | undefined,
  before: () => Promise<void> = async () => undefined,
): Promise<void> {
  if (units === undefined || (await units.state(unit)).description !== description) return;
  await before();
  await units.stop(unit);
}
