import { qemuErrors } from "./errors.js";

/** Where a disk is on the SCSI controller's bus. */
export interface ScsiAddress {
  readonly target: number;
  readonly unit: number;
}

/** How many addresses were given away for the first time, and which of them were given back. */
export interface ScsiUnitsState {
  readonly taken: number;
  readonly free: readonly number[];
}

/** Units of each target: those that have an address of one byte. */
const units = 256;

/** Targets of QEMU's controller (`VIRTIO_SCSI_MAX_TARGET` of its source), 0 to 255. */
const targets = 256;

/** `target:unit` in decimal, as the agent takes it. */
export const formatAddress = ({ target, unit }: ScsiAddress): string => `${target}:${unit}`;

/**
 * The addresses on the controller's bus. One that was free before anything else had it comes before one that was given back:
 * a disk leaves QEMU at once, and its guest, which is only told, may still have it for a while.
 */
export class ScsiUnits {
  readonly #free: number[] = [];
  readonly #most: number;
  #taken = 0;

  constructor(most = targets * units) {
    this.#most = most;
  }

  /** `KATA_QEMU_BUS_FULL` when there is none. */
  take(): ScsiAddress {
    const index = this.#taken < this.#most ? this.#taken++ : this.#free.shift();
    if (index === undefined)
      throw qemuErrors.KATA_QEMU_BUS_FULL({ bus: "SCSI controller", slots: this.#most, remedy: "" });
    return { target: Math.floor(index / units), unit: index % units };
  }

  /** Which there are, and which were given back. */
  state(): ScsiUnitsState {
    return { taken: this.#taken, free: [...this.#free] };
  }

  /** Those of a machine that is adopted. */
  adopt({ taken, free }: ScsiUnitsState): void {
    this.#taken = taken;
    this.#free.push(...free);
  }

  /** Gives back what `formatAddress` wrote. */
  release(address = ""): void {
    const [target, unit] = address.split(":").map(Number);
    if (target !== undefined && unit !== undefined) this.#free.push(target * units + unit);
  }
}
