import type { Monitor } from "./hotplug.js";
import type { MemoryPiece } from "./memory-object.js";
import type { Properties } from "./command.js";
import { holdTime } from "./pinned-memory.js";
import { commandDeadline } from "./qmp/client.js";
import { memoryModules } from "./qmp/queries.js";
import { guestAnswer } from "./guest-answer.js";
import type { Room } from "./room.js";

/** How long a guest may take for a piece of memory, in milliseconds, when its code is not emulated. */
const guestMs = 10_000;

/** Linux keeps a 64th of all memory to tell its pages by, and takes it from what it has already. */
const mostTimes = 16;

/** What memory is plugged in with. */
export interface DimmsParts {
  readonly monitor: Monitor;
  readonly room: Room;
  /** MiB that the machine was started with. */
  readonly bootMiB: number;
  readonly slowdown: number;
  /** The object that a piece of memory is. */
  readonly object: (piece: Pick<MemoryPiece, "id" | "sizeMiB">) => Properties;
}

/**
 * Plugs memory into a machine that runs, as modules in slots. A module stays: Linux may never let go of one that is in use,
 * and would keep everything else from being plugged meanwhile; it serves when the machine is to grow again.
 */
export class Dimms {
  readonly #parts: DimmsParts;
  /** Slots of modules that the guest has not taken: they are full, and give it nothing. */
  readonly #refused = new Set<number>();

  constructor(parts: DimmsParts) {
    this.#parts = parts;
  }

  /**
   * Makes the memory at least that much, in whole blocks, as far as there are slots and room; answers how much there is.
   * Rejects with what QEMU says, `KATA_QEMU_GUEST_REFUSES` or `KATA_DEADLINE`.
   */
  async resize(wantedMiB: number): Promise<number> {
    const { monitor, room, bootMiB } = this.#parts;
    const { blockMiB } = room;
    for (;;) {
      const modules = await memoryModules(monitor);
      const used = modules.filter(({ slot }) => !this.#refused.has(slot));
      const hasMiB = used.reduce((all, { sizeMiB }) => all + sizeMiB, bootMiB);
      const takenMiB = modules.reduce((all, { sizeMiB }) => all + sizeMiB, bootMiB);
      const slot = modules.length;
      const freeMiB = Math.floor((room.memoryMiB - takenMiB) / blockMiB) * blockMiB;
      if (hasMiB >= wantedMiB || freeMiB <= 0 || slot >= room.slots) return hasMiB;
      const missing = Math.ceil((wantedMiB - hasMiB) / blockMiB) * blockMiB;
      const largest = Math.max(blockMiB, Math.floor((hasMiB * mostTimes) / blockMiB) * blockMiB);
      await this.#plug(slot, Math.min(missing, largest, freeMiB));
    }
  }

  async #plug(slot: number, sizeMiB: number): Promise<void> {
    const { monitor, object, slowdown } = this.#parts;
    const [id, memdev] = [`dimm-${slot}`, `dimm-${slot}-memory`];
    const ms = commandDeadline + holdTime(sizeMiB);
    await monitor.execute("object-add", object({ id: memdev, sizeMiB }), ms);
    const answer = guestAnswer(monitor, { what: "DIMM", slot, action: "take" });
    try {
      await monitor.execute("device_add", { driver: "pc-dimm", id, memdev, slot }, ms).catch((error: unknown) =>
        this.#remove(memdev).then(
          () => Promise.reject(error),
          (more: unknown) => Promise.reject(new AggregateError([error, more], `plugging in ${id}, and undoing it`)),
        ),
      );
      // From here on it is there, whatever the guest makes of it.
      this.#refused.add(slot);
      await answer.done(guestMs * slowdown);
      this.#refused.delete(slot);
    } finally {
      answer.forget();
    }
  }

  async #remove(id: string): Promise<void> {
    await this.#parts.monitor.execute("object-del", { id });
  }
}
