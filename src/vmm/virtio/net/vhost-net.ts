import { openSync } from "node:fs";
import { messageOf } from "../../../core/errors/error.js";
import { OpenFlag } from "../../../core/sys/open-flags.js";
import type { Sys } from "../../../core/sys/sys.js";
import type { GuestMemory } from "../../memory/guest-memory.js";
import { commonFeatures, type HandedQueue } from "../device.js";
import { memoryTable, ringAddresses, ringState } from "../vhost-structures.js";
import { netDeviceErrors } from "./errors.js";
import { netFeature } from "./features.js";
import type { ServedPair } from "./queue-pair.js";

const device = "/dev/vhost-net";

/** Requests of linux/vhost.h. */
const request = {
  getFeatures: 0x8008af00,
  setFeatures: 0x4008af00,
  setOwner: 0xaf01,
  setMemoryTable: 0x4008af03,
  setRingSize: 0x4008af10,
  setRingAddresses: 0x4028af11,
  setRingBase: 0x4008af12,
  getRingBase: 0xc008af12,
  setRingKick: 0x4008af20,
  setRingCall: 0x4008af21,
  setBackend: 0x4008af30,
} as const;

/** What our devices offer and the rings' server must know of; of the others only the tap has to. */
const needed = commonFeatures.indirect | commonFeatures.eventIndex | commonFeatures.version1 | netFeature.mergeable;

/** The two queues of a pair, in the kernel's order. */
export type HandedPair = readonly [receive: HandedQueue, transmit: HandedQueue];

/** A queue pair that a thread of the kernel's serves: one open file of /dev/vhost-net. */
export class VhostNet {
  readonly #sys: Pick<Sys, "devices" | "descriptors">;
  readonly #fd: number;
  /** Where in their available rings queues were left, to go on there when they are served again. */
  readonly #left = new WeakMap<HandedQueue, number>();

  private constructor(sys: Pick<Sys, "devices" | "descriptors">, fd: number) {
    this.#sys = sys;
    this.#fd = fd;
  }

  /** Opens one for this process's memory; `KATA_VMM_NET_VHOST` when the kernel has none, or too old a one. */
  static open(sys: Pick<Sys, "devices" | "descriptors">, name: string): VhostNet {
    try {
      return VhostNet.take(sys, openSync(device, OpenFlag.readWrite | OpenFlag.closeOnExec), name);
    } catch (cause) {
      throw netDeviceErrors.KATA_VMM_NET_VHOST({ name, problem: messageOf(cause) }, { cause });
    }
  }

  /** As `open`, with a descriptor that is open already; takes it. */
  static take(sys: Pick<Sys, "devices" | "descriptors">, fd: number, name: string): VhostNet {
    try {
      const vhost = new VhostNet(sys, fd);
      sys.devices.ioctl(fd, request.setOwner);
      const missing = needed & ~vhost.#features();
      if (missing === 0n) return vhost;
      throw netDeviceErrors.KATA_VMM_NET_VHOST({ name, problem: `it lacks the features 0x${missing.toString(16)}` });
    } catch (error) {
      sys.descriptors.close(fd);
      throw error;
    }
  }

  /** Has a pair served, from where it was left or its beginning, at a queue of a tap. `KATA_VMM_GUEST_ADDRESS` for rings outside of the memory. */
  serve(tap: number, pair: HandedPair, memory: GuestMemory, features: bigint): ServedPair {
    const taken = Buffer.alloc(8);
    taken.writeBigUInt64LE(features & this.#features());
    const addresses = pair.map((queue, index) => ringAddresses(index, queue, memory));
    this.#set(request.setFeatures, taken);
    this.#set(request.setMemoryTable, memoryTable(memory, "mapped here"));
    for (const [index, queue] of pair.entries()) {
      this.#set(request.setRingSize, ringState(index, queue.size));
      this.#set(request.setRingBase, ringState(index, this.#left.get(queue) ?? 0));
      this.#set(request.setRingAddresses, addresses[index] ?? Buffer.alloc(0));
      this.#set(request.setRingKick, ringState(index, queue.kick));
      this.#set(request.setRingCall, ringState(index, queue.call));
    }
    try {
      for (const index of pair.keys()) this.#set(request.setBackend, ringState(index, tap));
    } catch (error) {
      this.#release();
      throw error;
    }
    // What the driver made available before the kernel looked may have been notified of to nobody.
    for (const { kick } of pair) this.#sys.descriptors.addEventfd(kick);
    // The kernel is notified itself.
    const nothing = () => undefined;
    return { receive: nothing, transmit: nothing, release: nothing, stop: () => this.#stop(pair) };
  }

  /** Gives it back; queues that are still served are not any more. */
  close(): void {
    this.#sys.descriptors.close(this.#fd);
  }

  #stop(pair: HandedPair): void {
    this.#release();
    for (const [index, queue] of pair.entries()) {
      const base = ringState(index, 0);
      this.#set(request.getRingBase, base);
      this.#left.set(queue, base.readUInt32LE(4));
    }
  }

  /** Rings without a tap are left alone; each call ends when what was under way has. */
  #release(): void {
    for (const index of [0, 1]) this.#set(request.setBackend, ringState(index, -1));
  }

  #features(): bigint {
    const features = Buffer.alloc(8);
    this.#set(request.getFeatures, features);
    return features.readBigUInt64LE(0);
  }

  #set(number: number, argument: Buffer): void {
    this.#sys.devices.ioctl(this.#fd, number, argument);
  }
}
