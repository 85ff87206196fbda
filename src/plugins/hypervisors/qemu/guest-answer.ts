import { asRecord } from "./qmp/messages.js";
import type { Monitor } from "./hotplug.js";
import { qemuErrors } from "./errors.js";

/** Why a guest was asked, and that it is at it still (ACPI 6.4, 6.3.5 "_OST"). */
const [deviceCheck, ejectRequest, inProgress] = [1, 3, 0x84];

/** What a guest is asked to take or to give back. */
export interface Asked {
  readonly what: "CPU" | "DIMM";
  readonly slot: number;
  readonly action: "take" | "give back";
}

/** What a guest will say of it; to be made before it is asked. */
export interface GuestAnswer {
  /** That it has done it. `KATA_QEMU_GUEST_REFUSES`, or `KATA_DEADLINE` after so many milliseconds. */
  done(ms: number): Promise<void>;
  forget(): void;
}

/** Listens for what the guest's kernel says, by its firmware's way, of a processor or memory that is plugged in or out. */
export function guestAnswer(monitor: Pick<Monitor, "expectEvent">, { what, slot, action }: Asked): GuestAnswer {
  const source = action === "take" ? deviceCheck : ejectRequest;
  const status = (data: Readonly<Record<string, unknown>>): number | undefined => {
    const info = asRecord(data["info"]);
    const isIt = info?.["slot-type"] === what && info["slot"] === String(slot) && info["source"] === source;
    return isIt && info["status"] !== inProgress ? Number(info["status"]) : undefined;
  };
  const event = monitor.expectEvent("ACPI_DEVICE_OST", (data) => status(data) !== undefined);
  return {
    forget: () => event.forget(),
    done: async (ms) => {
      const said = status((await event.within(ms)).data);
      if (said !== 0) throw qemuErrors.KATA_QEMU_GUEST_REFUSES({ what, slot, action, status: said ?? -1 });
    },
  };
}
