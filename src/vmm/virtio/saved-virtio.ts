import { type Plain, plainBytes, plainInteger } from "../snapshot/plain.js";
import type { PlainReader } from "../snapshot/plain-reader.js";
import { queueSizeLimit } from "./queue-layout.js";
import type { SavedQueueSetup } from "./queue-setup.js";
import type { QueuePosition } from "./split-queue.js";

/** A queue of a device that was saved. */
export interface SavedQueue extends SavedQueueSetup {
  /** Absent for one that was not served. */
  readonly position: QueuePosition | undefined;
}

/** What a guest knows of a device: another that takes its place must be the same in all of it. */
export interface DeviceFace {
  readonly kind: number;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly configuration: Uint8Array;
}

/** A device with its driver, as `DeviceLifecycle` saves it. */
export interface SavedVirtio {
  readonly face: DeviceFace;
  readonly status: number;
  readonly driverFeatures: bigint;
  readonly queues: readonly SavedQueue[];
  /** The device's own. */
  readonly own: Plain;
}

/** More queues than any device of ours has: a card has two for each of 256 taps, and one more. */
const mostQueues = 513;
const mostConfiguration = 4096;
const word = { most: 0xffffffff } as const;

export function encodeVirtio({ face, status, driverFeatures, queues, own }: SavedVirtio): Plain {
  return {
    face: {
      kind: face.kind,
      features: plainInteger(face.features),
      queueSizes: face.queueSizes,
      configuration: plainBytes(face.configuration),
    },
    status,
    driverFeatures: plainInteger(driverFeatures),
    queues: queues.map(({ size, ready, addresses, position }) => ({
      size,
      ready,
      addresses,
      position: position === undefined ? null : { next: position.next, given: position.given },
    })),
    own,
  };
}

/** What of a saved device is read here; `own` is for the device. */
export type ReadVirtio = Omit<SavedVirtio, "own"> & { readonly own: PlainReader };

export function readVirtio(from: PlainReader): ReadVirtio {
  const face = from.field("face");
  return {
    face: {
      kind: face.field("kind").number(word),
      features: face.field("features").integer(128),
      queueSizes: face
        .field("queueSizes")
        .list(mostQueues)
        .map((size) => size.number({ most: queueSizeLimit })),
      configuration: face.field("configuration").bytes({ most: mostConfiguration }),
    },
    status: from.field("status").number({ most: 0xff }),
    driverFeatures: from.field("driverFeatures").integer(128),
    queues: from.field("queues").list(mostQueues).map(readQueue),
    own: from.field("own"),
  };
}

function readQueue(from: PlainReader): SavedQueue {
  const position = from.optional("position");
  const counter = { most: 0xffff } as const;
  return {
    size: from.field("size").number(word),
    ready: from.field("ready").boolean(),
    addresses: from
      .field("addresses")
      .list(6)
      .map((half) => half.number(word)),
    position: position && {
      next: position.field("next").number(counter),
      given: position.field("given").number(counter),
    },
  };
}

/** How one face differs from another; undefined when it does not. */
export function faceDifference(
  saved: DeviceFace,
  there: DeviceFace,
): { what: string; saved: string; wanted: string } | undefined {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  const parts = [
    ["kind", `${saved.kind}`, `${there.kind}`],
    ["features", `0x${saved.features.toString(16)}`, `0x${there.features.toString(16)}`],
    ["queues", saved.queueSizes.join(","), there.queueSizes.join(",")],
    ["configuration", hex(saved.configuration), hex(there.configuration)],
  ] as const;
  const found = parts.find(([, a, b]) => a !== b);
  return found && { what: found[0], saved: found[1], wanted: found[2] };
}
