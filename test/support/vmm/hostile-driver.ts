import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { silentLogger } from "../../../src/core/log.js";
import { BalloonDevice } from "../../../src/vmm/virtio/balloon/balloon-device.js";
import { BlockDevice } from "../../../src/vmm/virtio/block/block-device.js";
import { commonFeatures, type VirtioDevice } from "../../../src/vmm/virtio/device.js";
import { FsDevice } from "../../../src/vmm/virtio/fs/fs-device.js";
import { MemDevice } from "../../../src/vmm/virtio/mem/mem-device.js";
import { NetDevice } from "../../../src/vmm/virtio/net/net.js";
import { RngDevice } from "../../../src/vmm/virtio/rng/rng-device.js";
import { VsockDevice } from "../../../src/vmm/virtio/vsock/vsock.js";
import { FakeTap } from "./fake-tap.js";
import { DrivenDevice } from "./driven-device.js";
import { servedDirectory } from "./fs-target.js";
import { fuseRequest } from "./fuse-requests.js";
import { guardedMemory } from "./guarded-memory.js";
import { MemoryDisk } from "./memory-disk.js";
import {
  type QueueScene,
  queueScene,
  type SceneMaterial,
  scenePlaces,
  writeRound,
  writesOverQueues,
} from "./queue-scene.js";

/** How many turns of the event loop a device may take for what was put into a queue once. */
const turnsLimit = 50;

/** A device under attack: one for all runs, reset between them. */
interface Target extends SceneMaterial {
  readonly device: VirtioDevice;
  /** What the device has asked of the host since the last call; each counts as one. */
  readonly takeWork: () => number;
  /** The queues that are attacked; the first three unless told. */
  readonly queues?: readonly number[];
  /** Queues whose buffers the device keeps until it has something for the driver. */
  readonly keeps?: readonly number[];
  /** Gives back what it has of the host. */
  readonly close?: () => void;
}

const u32 = (...numbers: number[]): Uint8Array => new Uint8Array(Uint32Array.from(numbers).buffer);
const { data } = scenePlaces;
/** A buffer beside the payload. */
const buffer = data + 0x1000;
const someBytes = fc.uint8Array({ maxLength: 64 });

/** Bytes of a request to a shared directory. */
const fsRequest = 160;

/** Counts what a device does to the host. */
function workCounter() {
  let work = 0;
  return {
    count: (): void => {
      work++;
    },
    take: (): number => {
      const all = work;
      work = 0;
      return all;
    },
  };
}

function blockTarget(readOnly: boolean): Target {
  const disk = new MemoryDisk(16 * 512);
  disk.readOnly = readOnly;
  disk.slow = true;
  const device = new BlockDevice({ name: "fuzzed", disk, serial: "fuzzed", log: silentLogger, inFlight: 3 });
  const kind = fc.oneof(fc.constantFrom(0, 1, 4, 8, 11, 13), fc.nat(20));
  const sector = fc.oneof(
    { weight: 7, arbitrary: fc.nat(18) },
    { weight: 1, arbitrary: fc.constantFrom(0xffffffff, 2 ** 31) },
  );
  const top = fc.oneof(
    { weight: 7, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.constantFrom(1, 0xffffffff) },
  );
  const header = fc.tuple(kind, fc.nat(1), sector, top, sector, fc.nat(3));
  const length = fc.constantFrom(512, 512, 512, 1024, 1024, 16, 20, 100, 0);
  return {
    device,
    payload: header.map(([type, zero, low, top, count, flag]) => u32(type, zero, low, top, low, 0, count, flag)),
    pieces: fc
      .tuple(length, fc.nat(2))
      .map(([some, where]) => [
        { address: data, length: where === 2 ? 32 : 16 },
        ...(where < 2 ? [{ address: buffer, length: some, write: where === 0 }] : []),
        { address: data + 0x800, length: 1, write: true },
      ]),
    takeWork: () => {
      assert(disk.strays === 0, "the disk was asked for what it does not have, or may not change");
      return disk.calls.splice(0).length;
    },
  };
}

function fsTarget(): Target {
  const { count, take } = workCounter();
  const { server, unharmed } = servedDirectory(count);
  const room = fc.constantFrom(16, 100, 160, 400, 2000);
  return {
    device: new FsDevice({ tag: "fuzzed", server, queueSize: 64 }),
    payload: fuseRequest(fsRequest),
    pieces: fc
      .tuple(room, fc.nat(fsRequest - 1), fc.nat(3))
      .map(([bytes, cut, way]) => [
        { address: data, length: way === 0 ? cut : fsRequest },
        ...(way === 0 ? [{ address: data + cut, length: fsRequest - cut }] : []),
        ...(way === 1 ? [] : [{ address: buffer, length: bytes, write: true }]),
      ]),
    takeWork: () => {
      assert(unharmed(), "something outside of the share was changed");
      return take();
    },
  };
}

const macAddress = "02:00:00:00:00:01";
const etherTypes = [0x0008, 0x0608, 0xdd86];

/** Two queue pairs, and the control queue behind them; the tap has frames for the first whenever it is asked. */
function netTarget(): Target {
  const tap = new FakeTap(2);
  const device = new NetDevice({ id: "fuzzed", taps: tap.fds, sys: tap.sys, mac: macAddress });
  const frame = Buffer.alloc(600, 0x5a).fill(0, 0, 12);
  const command = fc
    .tuple(fc.nat(5), fc.nat(2), fc.nat(3))
    .map(([kind, what, pairs]) => u32(kind | (what << 8) | (pairs << 16)));
  // virtio 1.2, 5.1.6: flags and kind of segmentation, lengths and offsets, then the frame.
  const header = fc
    .tuple(fc.nat(0xffff), fc.nat(0xffffffff), fc.nat(0xffffffff), fc.constantFrom(...etherTypes))
    .map(([flags, lengths, offsets, type]) => u32(flags, lengths, offsets, 0, 0, 0, type));
  return {
    device,
    payload: fc.oneof(header, command),
    pieces: fc.oneof(
      fc.constantFrom(11, 12, 26, 1526).map((length) => [{ address: data, length }]),
      fc.nat(2000).map((length) => [{ address: buffer, length, write: true }]),
      fc.nat(4).map((length) => [
        { address: data, length },
        { address: buffer, length: 1, write: true },
      ]),
    ),
    queues: [0, 1, 4],
    keeps: [0],
    takeWork: () => {
      const work = tap.queues.reduce((sum, { sent, frames }) => sum + sent.splice(0).length + 8 - frames.length, 0);
      for (const queue of tap.queues) queue.frames.splice(0, Infinity, ...Array.from({ length: 8 }, () => frame));
      tap.calls.length = 0;
      return work;
    },
  };
}

/** A guest's port is 1 to 3; at those of the host it asks for nobody listens. */
async function vsockTarget(): Promise<Target> {
  const directory = mkdtempSync(join(tmpdir(), "vsock-hostile-"));
  const limits = { connections: 8, requestMs: 1_000, shutdownMs: 1_000 };
  const device = await VsockDevice.create({ path: join(directory, "vsock"), cid: 3, log: silentLogger, limits });
  const close = (): void => {
    device.close();
    rmSync(directory, { recursive: true, force: true });
  };
  const word = fc.oneof(fc.nat(10), fc.nat(0xffffffff));
  const cid = (own: number) => fc.oneof({ weight: 8, arbitrary: fc.constant(own) }, { weight: 1, arbitrary: word });
  const kind = fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.nat(0xffff) });
  const fields = fc.tuple(cid(3), cid(2), fc.integer({ min: 1, max: 3 }), fc.constantFrom(9, 10), kind, fc.nat(8));
  return {
    device,
    payload: fc
      .tuple(fields, word, word, word, word)
      .map(([[from, to, source, destination, type, operation], length, flags, allocated, forwarded]) =>
        u32(from, 0, to, 0, source, destination, length, type | (operation << 16), flags, allocated, forwarded),
      ),
    pieces: fc.oneof(
      fc.nat(100).map((length) => [
        { address: data, length: 44 },
        { address: buffer, length },
      ]),
      fc.constantFrom(43, 44, 100, 4096).map((length) => [{ address: buffer, length, write: true }]),
    ),
    keeps: [0, 2],
    takeWork: () => 0,
    close,
  };
}

/** Each kind of device, made anew. */
export const targets = {
  block: () => blockTarget(false),
  "block that is read-only": () => blockTarget(true),
  fs: fsTarget,
  net: netTarget,
  vsock: vsockTarget,
  rng: () => {
    const { count, take } = workCounter();
    const device = new RngDevice((bytes) => {
      count();
      bytes.fill(0x5a);
    });
    const pieces = fc.nat(5000).map((length) => [{ address: buffer, length, write: true }]);
    return { device, payload: someBytes, pieces, takeWork: take };
  },
  balloon: () => {
    const { count, take } = workCounter();
    const device = new BalloonDevice({ discard: count, reporting: true, deflateOnOom: true });
    const page = fc.oneof({ weight: 8, arbitrary: fc.nat(0x13) }, { weight: 1, arbitrary: fc.nat(0xffffffff) });
    const payload = fc.array(page, { maxLength: 16 }).map((all) => u32(...all));
    const numbers = fc.nat(16).map((count) => [{ address: data, length: 4 * count }]);
    const reports = fc.nat(3).map((count) => [{ address: buffer, length: 4096 * count, write: true }]);
    return { device, payload, pieces: fc.oneof(numbers, reports), takeWork: take };
  },
  mem: () => {
    const { count, take } = workCounter();
    const { high, highSize } = scenePlaces;
    const device = new MemDevice({ address: high, size: highSize, blockSize: 4096, discard: count });
    device.requested = highSize / 2;
    const request = fc.tuple(fc.nat(5), fc.constantFrom(0, 0, 0, 1, 4096, 8192, 0x4000), fc.nat(5));
    const payload = request.map(([kind, at, blocks]) => u32(kind, 0, at, 1, blocks, 0));
    const pieces = fc.constant([
      { address: data, length: 24 },
      { address: buffer, length: 10, write: true },
    ]);
    return { device, payload, pieces, takeWork: take };
  },
} satisfies Readonly<Record<string, () => Target | Promise<Target>>>;

export type TargetName = keyof typeof targets;
export const targetNames = Object.keys(targets) as TargetName[];

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const assert = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(what);
};

type Attack = fc.IAsyncPropertyWithHooks<[QueueScene]>;

/** Has `run` try what holds of a device of that kind, which is there for so long. */
export async function hostileDriver(name: TargetName, run: (attack: Attack) => Promise<void>): Promise<void> {
  const target: Target = await targets[name]();
  try {
    await run(attackOn(target));
  } finally {
    target.close?.();
  }
}

/**
 * What holds of a device whatever its driver does: nothing around the guest's memory is touched, nothing is thrown at the
 * processor, the work at one notification is bounded; and the device has answered everything, or it needs a reset and the
 * log says why, by an error of a known code. After the reset it does not touch the memory.
 */
function attackOn({ device, takeWork, queues = [0, 1, 2], keeps = [], ...material }: Target): Attack {
  const { size, high, highSize } = scenePlaces;
  const guarded = guardedMemory([0, size], [high, highSize]);
  const attacked = queues.filter((index) => index < device.queueSizes.length);

  return fc.asyncProperty(queueScene(attacked, material), async (scene) => {
    // The run before may have failed.
    await device.reset();
    guarded.clear();
    const driven = new DrivenDevice(device, guarded);
    const { eventIndex, indirect } = commonFeatures;
    const untaken = (scene.eventIndex ? 0n : eventIndex) | (scene.indirect ? 0n : indirect);
    driven.start({ features: driven.offered() & ~untaken, queueSize: scene.size });
    const queue = driven.queue(scene.queue);
    let made = 0;
    let calm = true;
    for (const [number, round] of scene.rounds.entries()) {
      made = writeRound(queue, round, made);
      takeWork();
      driven.transport.notified(scene.queue);
      // Of each buffer, at most as many as there are pages in what it may name, or ranges.
      assert(takeWork() <= scene.size * 4096, "too much was done in one turn");
      if (scene.impatient && number === scene.rounds.length - 1) break;
      calm = (await settle(driven, () => driven.memory.loadU16(queue.device + 2) === made)) && calm;
    }
    assert(!guarded.damaged(), "something around the guest's memory was written");
    if (driven.needsReset) {
      assert(
        driven.lines.length === 1 && / code=KATA_VMM_/.test(driven.lines[0] ?? ""),
        `the log says: ${driven.lines.join()}`,
      );
    } else {
      assert(driven.status === 15, `the status is ${driven.status}`);
      const patient = scene.impatient || keeps.includes(scene.queue) || writesOverQueues(scene);
      assert(calm || patient, "a buffer was not answered");
    }
    driven.reset();
    await driven.settled;
    takeWork();
    const after = Buffer.from(driven.memory.slice(0, size));
    queue.jump(made + 1);
    await turn();
    queue.jump(after.readUInt16LE(queue.driver + 2));
    assert(driven.status === 0 && after.equals(driven.memory.slice(0, size)), "the memory was written after the reset");
  });
}

/** Gives the device its turns until it has answered or needs a reset; whether it has come to an end. */
async function settle(driven: DrivenDevice, answered: () => boolean): Promise<boolean> {
  for (let turns = 0; turns < turnsLimit; turns++) {
    if (driven.needsReset || answered()) return true;
    await turn();
  }
  return false;
}
