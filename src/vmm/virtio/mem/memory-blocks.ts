/** A run of blocks: the first, and how many, at least one. */
export interface BlockRun {
  readonly first: number;
  readonly count: number;
}

/** What is plugged of a region, block by block. All is unplugged at first. */
export class MemoryBlocks {
  /** One byte a block: 1 is plugged. */
  readonly #blocks: Uint8Array;
  #plugged = 0;

  constructor(count: number) {
    this.#blocks = new Uint8Array(count);
  }

  get count(): number {
    return this.#blocks.length;
  }

  /** How many are plugged. */
  get plugged(): number {
    return this.#plugged;
  }

  /** Whether all, none or some of a run are plugged. */
  state(run: BlockRun): "plugged" | "unplugged" | "mixed" {
    const blocks = this.#run(run);
    if (!blocks.includes(1)) return "unplugged";
    return blocks.includes(0) ? "mixed" : "plugged";
  }

  /** Plugs or unplugs a run, which must not be so yet. */
  set(run: BlockRun, plugged: boolean): void {
    this.#run(run).fill(plugged ? 1 : 0);
    this.#plugged += plugged ? run.count : -run.count;
  }

  clear(): void {
    this.#blocks.fill(0);
    this.#plugged = 0;
  }

  #run({ first, count }: BlockRun): Uint8Array {
    return this.#blocks.subarray(first, first + count);
  }
}
