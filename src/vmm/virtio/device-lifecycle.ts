import { codeOf, describeError } from "../../core/errors/error.js";
import type { Logger } from "../../core/log.js";
import { vmmErrors } from "../errors.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import type { DeviceSaving } from "../snapshot/device-saving.js";
import { snapshotErrors } from "../snapshot/errors.js";
import { commonFeatures, type DeviceContext, type HandedQueue, type VirtioDevice } from "./device.js";
import { deviceStatus, startSteps } from "./device-status.js";
import { QueueSetup } from "./queue-setup.js";
import { type DeviceFace, faceDifference, type ReadVirtio, type SavedVirtio } from "./saved-virtio.js";
import { SparingLog } from "./sparing-log.js";
import { type QueuePosition, SplitQueue } from "./split-queue.js";

/** What a device is plugged into. */
export interface DeviceBackplane {
  readonly device: VirtioDevice;
  readonly memory: GuestMemory;
  readonly log: Logger;
  /** Interrupts the driver for a queue, or for the configuration. */
  interrupt(reason: "queue" | "configuration"): void;
  /** The driver is gone: what it has not seen of interrupts yet is forgotten, and queues that were given away are not. */
  clearInterrupts(): void;
  /** Eventfds of a queue that is given away until then; absent where that cannot be. */
  handOver?(queue: number): Pick<HandedQueue, "kick" | "call">;
}

/**
 * The life of a device with its driver, whatever they speak through: status, features, queues (virtio 1.2, 2.1, 2.2, 3.1). A
 * driver that goes out of order is ignored; what no driver does, and what the device cannot go on after, ends the device
 * until its driver resets it. Nothing a driver does is thrown.
 */
export class DeviceLifecycle {
  readonly device: VirtioDevice;
  readonly queues: readonly QueueSetup[];
  readonly #backplane: DeviceBackplane;
  readonly #log: SparingLog;
  #status = 0;
  #driverFeatures = 0n;
  /** Since `activate`, until the device's `reset`. */
  #active = false;
  /** The driver's, until it resets the device or the device fails. */
  #context: DeviceContext | undefined;
  /** Those of the context. */
  #splitQueues: readonly (SplitQueue | undefined)[] = [];
  #resetting: Promise<void> | undefined;

  constructor(backplane: DeviceBackplane) {
    this.device = backplane.device;
    this.queues = backplane.device.queueSizes.map((size) => new QueueSetup(size));
    this.#backplane = backplane;
    this.#log = new SparingLog(backplane.log);
  }

  /** As the driver reads it: not 0 before a reset is done. */
  get status(): number {
    return this.#status;
  }

  /** What the driver is offered. */
  get features(): bigint {
    const { indirect, eventIndex, version1 } = commonFeatures;
    return this.device.features | indirect | eventIndex | version1;
  }

  /** Whether the driver may set up queues now: its features are agreed on and the device does not run yet. */
  get settingUp(): boolean {
    const { acknowledge, driver, featuresOk } = deviceStatus;
    return this.#resetting === undefined && this.#status === (acknowledge | driver | featuresOk);
  }

  /** What the driver takes of the `word`th 32 features; it takes none at first. */
  takeFeatures(word: number, bits: number): void {
    const { acknowledge, driver } = deviceStatus;
    if (this.#resetting !== undefined || this.#status !== (acknowledge | driver)) return;
    // None is offered beyond the first 64: it is enough to know that one was taken.
    const shift = BigInt(Math.min(word, 2)) * 32n;
    this.#driverFeatures = (this.#driverFeatures & ~(0xffffffffn << shift)) | (BigInt(bits) << shift);
  }

  /** The driver writes the status: 0 resets. The promise of a reset is settled when the device is done with the driver. */
  writeStatus(value: number): void | Promise<void> {
    if (value === 0) return this.#reset();
    if (this.#resetting !== undefined) return;
    const { failed, needsReset } = deviceStatus;
    if ((value & failed) !== 0) this.#status |= failed;
    if ((this.#status & (failed | needsReset)) !== 0) return;
    // A driver must not clear a bit (2.1.1).
    if ((this.#status & ~value) !== 0) return;
    for (const step of startSteps) {
      if ((this.#status & step) !== 0) continue;
      if ((value & step) === 0) return;
      // The driver reads the status again and sees that this is refused (3.1.1, step 6).
      if (step === deviceStatus.featuresOk && !this.#acceptable()) return;
      this.#status |= step;
      if (step === deviceStatus.driverOk) this.#start();
    }
  }

  /** There may be something in a queue. Ignored for one that is not there, and while the device does not run. */
  notified(queue: number): void {
    const context = this.#context;
    if (context?.queues[queue] === undefined) return;
    this.#guard(context, () => this.device.notify(queue));
  }

  /** The driver writes into the configuration. */
  configure(offset: number, bytes: Uint8Array): void {
    if (this.#resetting !== undefined || (this.#status & deviceStatus.driver) === 0) return;
    this.#guard(this.#context, () => this.device.configure?.(offset, bytes));
  }

  /**
   * Has the device leave the guest's memory alone until `thaw`, and waits until it does. The guest's processors must not run.
   * `KATA_VMM_SNAPSHOT_DEVICE` for a device that cannot be saved.
   */
  async freeze(): Promise<void> {
    this.#saving().release?.();
    await Promise.all(this.#runningQueues().flatMap((queue) => (queue === undefined ? [] : [queue.freeze()])));
  }

  /** The device goes on, with what has come meanwhile. */
  thaw(): void {
    const queues = this.#runningQueues();
    for (const queue of queues) queue?.thaw();
    for (const index of queues.keys()) this.notified(index);
  }

  /** All that there is to know of it and its driver, while it is frozen. */
  save(): SavedVirtio {
    const running = this.#runningQueues();
    return {
      face: this.#face,
      status: this.#status,
      driverFeatures: this.#driverFeatures,
      queues: this.queues.map((setup, index) => ({ ...setup.save(), position: running[index]?.position })),
      own: this.#context === undefined ? {} : this.#saving().save(),
    };
  }

  /**
   * Goes on where another one was when it was saved. To be called once, on a new one; the driver finds a reason to look at
   * all its queues. `KATA_VMM_SNAPSHOT_MISMATCH` when the guest would see another device than it had; what else is wrong is
   * an error of the queues'.
   */
  restore(saved: ReadVirtio): void {
    const difference = faceDifference(saved.face, this.#face);
    if (difference !== undefined) {
      const what = `${difference.what} of the device "${this.device.name}"`;
      throw snapshotErrors.KATA_VMM_SNAPSHOT_MISMATCH({ ...difference, what });
    }
    this.#status = saved.status;
    this.#driverFeatures = saved.driverFeatures;
    for (const [index, queue] of this.queues.entries()) queue.restore(saved.queues[index] ?? queue.save());
    if ((saved.status & deviceStatus.driverOk) === 0) return;
    if ((saved.status & deviceStatus.needsReset) !== 0) return;
    const context = this.#activate(saved.queues.map(({ position }) => position));
    this.#guard(context, () => this.#saving().restore(saved.own));
    for (const index of this.queues.keys()) this.notified(index);
    this.#backplane.interrupt("queue");
  }

  /** Ends the device, the driver is not asked. Idempotent. */
  async close(): Promise<void> {
    await this.#reset();
    await this.device.close();
  }

  #acceptable(): boolean {
    return (this.#driverFeatures & ~this.features) === 0n && (this.#driverFeatures & commonFeatures.version1) !== 0n;
  }

  get #face(): DeviceFace {
    const { kind, queueSizes, configuration } = this.device;
    return { kind, features: this.features, queueSizes, configuration };
  }

  #saving(): DeviceSaving {
    const { saving, name, notSaved } = this.device;
    if (saving !== undefined) return saving;
    const problem = notSaved ?? "what serves it outside of this process cannot be asked for its state";
    throw snapshotErrors.KATA_VMM_SNAPSHOT_DEVICE({ device: name, problem });
  }

  /** None of a device that does not run. */
  #runningQueues(): readonly (SplitQueue | undefined)[] {
    return this.#context === undefined ? [] : this.#splitQueues;
  }

  #start(): void {
    try {
      this.#activate([]);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Has the device run, its queues from their positions on. */
  #activate(positions: readonly (QueuePosition | undefined)[]): DeviceContext {
    const queues = this.queues.map((setup, index) =>
      setup.ready ? this.#queue(index, setup, positions[index]) : undefined,
    );
    const context = this.#newContext(queues);
    this.#context = context;
    this.#splitQueues = queues;
    this.#active = true;
    this.#guard(context, () => this.device.activate(context));
    return context;
  }

  #queue(index: number, setup: QueueSetup, position: QueuePosition | undefined): SplitQueue {
    assertSize(index, setup);
    return new SplitQueue({
      index,
      size: setup.size,
      memory: this.#backplane.memory,
      descriptors: setup.address("descriptors"),
      driver: setup.address("driver"),
      device: setup.address("device"),
      indirect: (this.#driverFeatures & commonFeatures.indirect) !== 0n,
      eventIndex: (this.#driverFeatures & commonFeatures.eventIndex) !== 0n,
      ...(position !== undefined && { at: position }),
    });
  }

  /** A context is good until the driver resets the device or the device fails; what a device does with it later is nothing. */
  #newContext(queues: readonly (SplitQueue | undefined)[]): DeviceContext {
    const { memory } = this.#backplane;
    const alive = (): boolean => this.#context === context;
    const context: DeviceContext = {
      memory,
      queues,
      features: this.#driverFeatures,
      ...(this.#backplane.handOver !== undefined && { handOver: (queue: number) => this.#handOver(queue) }),
      interrupt: (queue) => {
        if (alive() && queue.takeInterrupt()) this.#backplane.interrupt("queue");
      },
      configurationChanged: () => {
        if (alive()) this.#backplane.interrupt("configuration");
      },
      fail: (error) => {
        if (alive()) this.#fail(error);
      },
    };
    return context;
  }

  #handOver(index: number): HandedQueue | undefined {
    const setup = this.queues[index];
    const wires = setup?.ready === true ? this.#backplane.handOver?.(index) : undefined;
    if (setup === undefined || wires === undefined) return undefined;
    const { size } = setup;
    const [descriptors, available, used] = [
      setup.address("descriptors"),
      setup.address("driver"),
      setup.address("device"),
    ];
    return { descriptors, available, used, size, ...wires };
  }

  #guard(context: DeviceContext | undefined, action: () => void): void {
    try {
      action();
    } catch (error) {
      if (context === this.#context) this.#fail(error);
    }
  }

  /** The driver is told by an interrupt if it has got so far as to have one (2.1.2). */
  #fail(error: unknown): void {
    this.#log.warn("a virtio device needs a reset", {
      device: this.device.name,
      code: codeOf(error),
      error: describeError(error),
    });
    this.#context = undefined;
    this.#status |= deviceStatus.needsReset;
    if ((this.#status & deviceStatus.driverOk) !== 0) this.#backplane.interrupt("configuration");
  }

  #reset(): void | Promise<void> {
    if (this.#resetting !== undefined) return this.#resetting;
    this.#context = undefined;
    if (!this.#active) return this.#forget();
    let done: void | Promise<void>;
    try {
      done = this.device.reset();
    } catch (error) {
      return this.#fail(error);
    }
    if (done === undefined) return this.#forget();
    this.#resetting = done
      .then(
        () => this.#forget(),
        (error: unknown) => this.#fail(error),
      )
      .finally(() => {
        this.#resetting = undefined;
      });
    return this.#resetting;
  }

  #forget(): void {
    this.#active = false;
    this.#status = 0;
    this.#driverFeatures = 0n;
    for (const queue of this.queues) queue.clear();
    this.#backplane.clearInterrupts();
  }
}

function assertSize(queue: number, { size, sizeMax }: QueueSetup): void {
  if (size <= sizeMax) return;
  throw vmmErrors.KATA_VMM_QUEUE({
    queue,
    problem: `its size is ${size}, more than the ${sizeMax} that the device has`,
  });
}
