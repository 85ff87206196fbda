import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../../../core/log.js";
import type { Monitor } from "./hotplug.js";
import { propertyOf } from "./qmp/queries.js";
import type { Room } from "./room.js";

/** QEMU's name of the device. */
export const virtioMemory = "plugged";

const mib = 2 ** 20;
/** Milliseconds between two looks at how far the guest is. */
const lookPause = 50;
/** Milliseconds without any progress after which a guest is not waited for, when its code is not emulated. */
const quietMs = 1000;
/** Milliseconds after which it is not waited for in any case. */
const mostMs = 30_000;

/** What memory is plugged in with. */
export interface VirtioMemoryParts {
  readonly monitor: Pick<Monitor, "execute">;
  readonly room: Room;
  /** MiB that the machine was started with. */
  readonly bootMiB: number;
  readonly slowdown: number;
  readonly log: Logger;
}

/** Asks the guest to plug memory in and out of a device that it was started with. */
export class VirtioMemory {
  readonly #parts: VirtioMemoryParts;

  constructor(parts: VirtioMemoryParts) {
    this.#parts = parts;
  }

  /**
   * Asks for that much memory in all, no less than at the start, and answers how much there is when the guest has done it, or
   * goes on no more; it may do the rest later. Rejects with what QEMU says.
   */
  async resize(wantedMiB: number): Promise<number> {
    const { monitor, bootMiB, room, log } = this.#parts;
    const most = room.memoryMiB - bootMiB;
    const pluggedMiB = Math.min(Math.max(0, Math.ceil((wantedMiB - bootMiB) / 2) * 2), most);
    const path = `/machine/peripheral/${virtioMemory}`;
    await monitor.execute("qom-set", { path, property: "requested-size", value: pluggedMiB * mib });
    const there = await this.#follow(path, pluggedMiB * mib);
    const memoryMiB = bootMiB + there / mib;
    if (there !== pluggedMiB * mib)
      log.warn("the guest has not plugged the memory it was asked to", { wantedMiB: bootMiB + pluggedMiB, memoryMiB });
    return memoryMiB;
  }

  async #follow(path: string, wanted: number): Promise<number> {
    const { monitor, slowdown } = this.#parts;
    const size = async () => Number(await propertyOf(monitor, path, "size"));
    const begin = performance.now();
    let [there, since] = [await size(), begin];
    while (there !== wanted) {
      const now = performance.now();
      if (now - since > quietMs * slowdown || now - begin > mostMs * slowdown) break;
      await sleep(lookPause);
      const next = await size();
      if (next !== there) since = performance.now();
      there = next;
    }
    return there;
  }
}
