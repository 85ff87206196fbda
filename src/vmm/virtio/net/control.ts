import { gather, scatter } from "../pieces.js";
import type { Chain } from "../virtqueue.js";

/** Commands of the control queue (virtio 1.2, 5.1.6.5). Of their classes only that of the queue pairs is ours. */
const multiQueueClass = 4;
const setQueuePairs = 0;
const commandBytes = 4;

const answer = { done: 0, refused: 1 } as const;

/** The number of queue pairs that a command asks for, 1 to `most`; undefined for any other command. */
export function queuePairsAsked(readable: readonly Uint8Array[], most: number): number | undefined {
  const command = Buffer.alloc(commandBytes);
  if (gather(readable, 0, command) < commandBytes) return undefined;
  if (command[0] !== multiQueueClass || command[1] !== setQueuePairs) return undefined;
  const pairs = command.readUInt16LE(2);
  return pairs >= 1 && pairs <= most ? pairs : undefined;
}

/** Writes the answer to a command; gives the number of bytes written, which is none where the driver left no room for it. */
export function answerControl(chain: Chain, done: boolean): number {
  return scatter(chain.writable, 0, Uint8Array.of(done ? answer.done : answer.refused));
}
