import { createLogger } from "../../../src/core/log.js";
import { commonFeatures, type VirtioDevice } from "../../../src/vmm/virtio/device.js";
import { mmioRegister } from "../../../src/vmm/virtio/mmio-registers.js";
import { MmioTransport, type ShownRegisters } from "../../../src/vmm/virtio/mmio-transport.js";
import { DriverQueue, type Piece, queueBytes } from "./driver-queue.js";
import { type GuardedMemory, guardedMemory } from "./guarded-memory.js";

/** How a driver starts its device. */
export interface DriveOptions {
  /** What it takes of the device's features; all that is offered by default. */
  readonly features?: bigint;
  /** Entries of each queue; as many as the device has by default, 64 at most. */
  readonly queueSize?: number;
}

/** Where a driver says that a queue is. */
export type QueuePlace = Pick<DriverQueue, "size" | "descriptors" | "driver" | "device">;

/** Bytes of the guest's memory: queues are at its beginning, `data` on is free for buffers. */
export const memorySize = 0x100000;
export const data = 0x40000;

/** A device behind registers, with the driver's side of it, in memory whose surroundings are guarded. */
export class DrivenDevice {
  readonly guarded: GuardedMemory;
  readonly transport: MmioTransport;
  readonly interruptStatus = new Int32Array(new SharedArrayBuffer(4));
  readonly lines: string[] = [];
  queues: DriverQueue[] = [];
  interrupts = 0;
  /** What the processor waits for that has written last. */
  settled: Promise<void> = Promise.resolve();
  readonly #device: VirtioDevice;

  constructor(
    device: VirtioDevice,
    guarded = guardedMemory([0, memorySize], [0x100000000, 0x10000]),
    shown?: ShownRegisters,
  ) {
    this.#device = device;
    this.guarded = guarded;
    this.transport = new MmioTransport({
      device,
      memory: this.guarded.memory,
      interruptStatus: this.interruptStatus,
      raise: () => this.interrupts++,
      log: createLogger((line) => this.lines.push(line), "trace"),
      ...(shown !== undefined && { shown }),
    });
  }

  get memory(): GuardedMemory["memory"] {
    return this.guarded.memory;
  }

  read(register: number): number {
    const bytes = new Uint8Array(4);
    this.transport.read(register, bytes);
    return new DataView(bytes.buffer).getUint32(0, true);
  }

  write(register: number, value: number): void {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, true);
    this.settled = Promise.resolve(this.transport.write(register, bytes));
  }

  get status(): number {
    return this.read(mmioRegister.status);
  }

  get needsReset(): boolean {
    return (this.status & 64) !== 0;
  }

  /** Done when `settled` is, or at once when the device needs no time for it. */
  reset(): void {
    this.write(mmioRegister.status, 0);
  }

  /** The features that the device offers. */
  offered(): bigint {
    this.write(mmioRegister.deviceFeaturesSelect, 0);
    const low = BigInt(this.read(mmioRegister.deviceFeatures));
    this.write(mmioRegister.deviceFeaturesSelect, 1);
    return low | (BigInt(this.read(mmioRegister.deviceFeatures)) << 32n);
  }

  /** As far as FEATURES_OK; whether the device has accepted that. */
  negotiate(features: bigint): boolean {
    this.write(mmioRegister.status, 1);
    this.write(mmioRegister.status, 3);
    for (const word of [0, 1]) {
      this.write(mmioRegister.driverFeaturesSelect, word);
      this.write(mmioRegister.driverFeatures, Number((features >> BigInt(32 * word)) & 0xffffffffn));
    }
    this.write(mmioRegister.status, 11);
    return this.status === 11;
  }

  /** Tells the device where a queue is, and that it is ready. */
  setUp(index: number, queue: QueuePlace): void {
    this.write(mmioRegister.queueSelect, index);
    this.write(mmioRegister.queueSize, queue.size);
    this.write(mmioRegister.queueDescriptorsLow, queue.descriptors);
    this.write(mmioRegister.queueDescriptorsHigh, 0);
    this.write(mmioRegister.queueDriverLow, queue.driver);
    this.write(mmioRegister.queueDriverHigh, 0);
    this.write(mmioRegister.queueDeviceLow, queue.device);
    this.write(mmioRegister.queueDeviceHigh, 0);
    this.write(mmioRegister.queueReady, 1);
  }

  /** Starts it as a driver does, all of its queues one after another from address 0 on. */
  start({ features = this.offered(), queueSize = 64 }: DriveOptions = {}): this {
    if (!this.negotiate(features)) throw new Error("the device refuses its features");
    const eventIndex = (features & commonFeatures.eventIndex) !== 0n;
    let at = 0;
    this.queues = this.#device.queueSizes.map((max, index) => {
      const size = Math.min(queueSize, max);
      const queue = new DriverQueue({ memory: this.memory, size, at, eventIndex });
      at += queueBytes(size);
      this.setUp(index, queue);
      return queue;
    });
    this.write(mmioRegister.status, 15);
    return this;
  }

  queue(index: number): DriverQueue {
    const queue = this.queues[index];
    if (queue === undefined) throw new Error(`the test's driver has no queue ${index}`);
    return queue;
  }

  /** Makes one buffer available, and notifies the device. Gives its head. */
  send(index: number, pieces: readonly Piece[]): number {
    const head = this.queue(index).add(pieces);
    this.queue(index).publish();
    this.transport.notified(index);
    return head;
  }
}
