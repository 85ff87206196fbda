import { codeOf, describeError } from "../../core/errors/error.js";
import type { Logger } from "../../core/log.js";
import { vmmErrors } from "../errors.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import { commonFeatures, type DeviceContext, type HandedQueue, type VirtioDevice } from "./device.js";
import { deviceStatus, startSteps } from "./device-status.js";
import { QueueSetup } from "./queue-setup.js";
import { SparingLog } from "./sparing-log.js";
import { SplitQueue } from "./split-queue.js";

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

  /** Ends the device, the driver is not asked. Idempotent. */
  async close(): Promise<void> {
    await this.#reset();
    await this.device.close();
  }

  #acceptable(): boolean {
    return (this.#driverFeatures & ~this.features) === 0n && (this.#driverFeatures & commonFeatures.version1) !== 0n;
  }

  #start(): void {
    try {
      const queues = this.queues.map((setup, index) => (setup.ready ? this.#queue(index, setup) : undefined));
      const context = this.#newContext(queues);
      this.#context = context;
      this.#active = true;
      this.#guard(context, () => this.device.activate(context));
    } catch (error) {
      this.#fail(error);
    }
  }

  #queue(index: number, setup: QueueSetup): SplitQueue {
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
