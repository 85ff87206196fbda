import fc from "fast-check";
import type { DriverQueue, Piece } from "./driver-queue.js";

/** A descriptor as a hostile driver writes it. The address is below 2^64, and not exact where that does not matter. */
export interface WildDescriptor {
  readonly address: number;
  readonly length: number;
  readonly flags: number;
  readonly next: number;
}

/** What a driver does before it notifies the device once. */
export interface SceneRound {
  /** Descriptors of the table and of the indirect table, from the first on. */
  readonly table: readonly WildDescriptor[];
  readonly indirect: readonly WildDescriptor[];
  readonly heads: readonly number[];
  /** By how much the index of the available ring moves; as many as there are heads when absent. */
  readonly step: number | undefined;
  /** What the device will find where buffers mostly are. */
  readonly payload: Uint8Array;
  readonly usedEvent: number;
}

/** One driver, from its start to its reset. */
export interface QueueScene {
  readonly size: number;
  readonly eventIndex: boolean;
  readonly indirect: boolean;
  readonly queue: number;
  /** The driver resets the device after the last round without waiting for it. */
  readonly impatient: boolean;
  readonly rounds: readonly SceneRound[];
}

/** Guest memory of scenes: queues at the beginning, the indirect table, buffers; and a stretch above 4 GiB. */
export const scenePlaces = {
  size: 0x1a000,
  table: 0x10000,
  data: 0x11000,
  high: 0x100000000,
  highSize: 0x4000,
} as const;

const { size, table, data, high, highSize } = scenePlaces;

const near = (address: number, by: number) => fc.integer({ min: Math.max(0, address - by), max: address + by });

const address = fc.oneof(
  { weight: 6, arbitrary: fc.nat(15).map((n) => data + 0x200 * n) },
  { weight: 6, arbitrary: fc.constant(data) },
  { weight: 3, arbitrary: fc.constant(table) },
  { weight: 2, arbitrary: near(data, 0x100) },
  { weight: 1, arbitrary: near(size, 0x1000) },
  { weight: 1, arbitrary: fc.nat(size) },
  { weight: 1, arbitrary: near(high, 0x20) },
  { weight: 1, arbitrary: near(high + highSize, 0x1000) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0, 2 ** 32 - 1, 2 ** 53 - 1, 2 ** 53, 2 ** 63, 2 ** 64 - 4096, 2 ** 64 - 2 ** 11),
  },
);

const length = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(1, 16, 24, 10, 512, 1024, 4096) },
  { weight: 2, arbitrary: fc.nat(64) },
  { weight: 1, arbitrary: fc.constantFrom(0, 0x4000, 0x7fffffff, 0xffffffff) },
);

const flags = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(0, 1, 2, 3) },
  { weight: 2, arbitrary: fc.constantFrom(4, 5, 6, 7) },
  { weight: 1, arbitrary: fc.nat(0xffff) },
);

const index = fc.oneof({ weight: 3, arbitrary: fc.nat(17) }, { weight: 1, arbitrary: fc.nat(0xffff) });

/** One thing that is not as a driver has it: of which descriptor, and what. */
const change = fc.record({
  at: fc.nat(4),
  wild: fc.oneof(
    fc.record({ address }),
    fc.record({ length }),
    fc.record({ flags }),
    fc.record({ next: index }),
    fc.record({ address, length, flags, next: index }),
  ),
});

const changes = fc.oneof(
  { weight: 2, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.array(change, { minLength: 1, maxLength: 2 }) },
);

/** Pieces as drivers make them, or any: descriptors from index 0 on, each of which goes on at the next. */
const chain = (pieces: fc.Arbitrary<readonly Piece[]>) =>
  fc.tuple(pieces, changes).map(([usual, all]) => {
    const made = usual.map((piece, at): WildDescriptor => {
      const more = at + 1 < usual.length;
      return {
        address: piece.address,
        length: piece.length,
        flags: (piece.write === true ? 2 : 0) | (more ? 1 : 0),
        next: more ? at + 1 : 0,
      };
    });
    for (const { at, wild } of all) {
      const one = made[at % made.length];
      if (one !== undefined) made[at % made.length] = { ...one, ...wild };
    }
    return made;
  });

const anyPieces = fc
  .tuple(fc.array(fc.record({ address, length }), { minLength: 1, maxLength: 5 }), fc.nat(5))
  .map(([pieces, readable]): Piece[] => pieces.map((piece, at) => ({ ...piece, write: at >= readable })));

const toIndirect = fc
  .integer({ min: 1, max: 4 })
  .map((count) => [{ address: table, length: 16 * count, flags: 4, next: 0 }]);

const round = ({ payload, pieces }: SceneMaterial): fc.Arbitrary<SceneRound> => {
  const either = chain(fc.oneof({ weight: 4, arbitrary: pieces }, { weight: 1, arbitrary: anyPieces }));
  return fc.record({
    table: fc.oneof({ weight: 4, arbitrary: either }, { weight: 1, arbitrary: toIndirect }),
    indirect: either,
    heads: fc.oneof(
      { weight: 4, arbitrary: fc.array(fc.constant(0), { minLength: 1, maxLength: 3 }) },
      { weight: 1, arbitrary: fc.array(index, { minLength: 1, maxLength: 4 }) },
    ),
    step: fc.oneof({ weight: 12, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(0xffff) }),
    payload,
    usedEvent: fc.nat(0xffff),
  });
};

/** What a driver of one kind of device makes available. */
export interface SceneMaterial {
  /** What is written at `data`. */
  readonly payload: fc.Arbitrary<Uint8Array>;
  readonly pieces: fc.Arbitrary<readonly Piece[]>;
}

/** Scenes for some queues of a device. */
export function queueScene(queues: readonly number[], material: SceneMaterial): fc.Arbitrary<QueueScene> {
  return fc.record({
    size: fc.constantFrom(1, 2, 4, 8, 8, 16, 16),
    eventIndex: fc.boolean(),
    indirect: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    queue: fc.constantFrom(...queues),
    impatient: fc.boolean(),
    rounds: fc.array(round(material), { minLength: 1, maxLength: 3 }),
  });
}

/** Whether the device may write over the queues themselves by what a scene asks of it. */
export function writesOverQueues({ rounds }: QueueScene): boolean {
  return rounds.some(({ table: all, indirect }) => [...all, ...indirect].some((one) => one.address < data));
}

/** Writes a round into the memory, up to the index of the available ring, which is given back. */
export function writeRound(queue: DriverQueue, one: SceneRound, made: number): number {
  const { memory } = queue;
  memory.slice(data, one.payload.length).set(one.payload);
  for (const [at, { flags, next, ...piece }] of one.table.entries()) {
    queue.describe(queue.descriptors, at % queue.size, piece, flags, next);
  }
  for (const [at, { flags, next, ...piece }] of one.indirect.entries()) queue.describe(table, at, piece, flags, next);
  for (const [at, head] of one.heads.entries()) {
    memory.writeU16(queue.driver + 4 + 2 * ((made + at) % queue.size), head);
  }
  memory.writeU16(queue.driver + 4 + 2 * queue.size, one.usedEvent);
  const end = (made + (one.step ?? Math.min(one.heads.length, queue.size))) % 65536;
  queue.jump(end);
  return end;
}
