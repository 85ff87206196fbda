import { MappedMemory } from "../../../src/vmm/memory/mapped-memory.js";

const guard = 4096;
const guardByte = 0xa5;

/** Guest memory of a few stretches with bytes around each that nothing may touch. */
export interface GuardedMemory {
  readonly memory: MappedMemory;
  /** Whether a byte around a stretch was changed. */
  damaged(): boolean;
  /** All zeros again, the guards too. */
  clear(): void;
}

/** Stretches by address and size, multiples of 4096. */
export function guardedMemory(...ranges: readonly (readonly [address: number, size: number])[]): GuardedMemory {
  const blocks = ranges.map(([, size]) => new Uint8Array(size + 2 * guard));
  const regions = ranges.map(([address, size], index) => ({
    address,
    size,
    hostAddress: 0n,
    backing: { kind: "own" } as const,
    windows: [(blocks[index] as Uint8Array).subarray(guard, guard + size)],
  }));
  const guards = blocks.flatMap((block) => [block.subarray(0, guard), block.subarray(block.length - guard)]);
  const expected = Buffer.alloc(guard, guardByte);
  const clear = (): void => {
    for (const block of blocks) block.fill(0);
    for (const bytes of guards) bytes.fill(guardByte);
  };
  clear();
  return {
    memory: new MappedMemory(regions),
    damaged: () => guards.some((bytes) => !expected.equals(bytes)),
    clear,
  };
}
