import type { Logger } from "../../core/log.js";
import type { BusDevice } from "../bus/bus-device.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import type { HandedQueue, VirtioDevice } from "./device.js";
import { DeviceLifecycle } from "./device-lifecycle.js";
import { deviceStatus } from "./device-status.js";
import {
  acknowledgeReasons,
  forgetReasons,
  noteOthers,
  noteReason,
  pendingReasons,
  readReasons,
} from "./interrupt-word.js";
import { interruptReason, mmioMagic, mmioRegister, mmioVendor, mmioVersion } from "./mmio-registers.js";
import type { AddressHalf, QueuePart, QueueSetup } from "./queue-setup.js";
import type { Plain } from "../snapshot/plain.js";
import type { PlainReader } from "../snapshot/plain-reader.js";
import { encodeVirtio, readVirtio } from "./saved-virtio.js";

/** Registers that the guest reads as memory, without anybody's answer. */
export interface ShownRegisters {
  /** From now on the guest reads what is put into the page, until `hide`. */
  show(fill: (page: Uint8Array) => void): void;
  hide(): void;
}

/** What a device is put behind registers with. */
export interface MmioTransportOptions {
  readonly device: VirtioDevice;
  readonly memory: GuestMemory;
  /** The register InterruptStatus, one word over a `SharedArrayBuffer` (`interrupt-word.ts`). */
  readonly interruptStatus: Int32Array;
  /** Raises the device's line, after the word was set. The line is of the kind of an edge: each call is one. */
  readonly raise: () => void;
  readonly log: Logger;
  /** Gives a queue's eventfds away until `takeBack`: what is added to `call` raises the line. Absent where that cannot be. */
  readonly handOver?: (queue: number) => Pick<HandedQueue, "kick" | "call">;
  readonly takeBack?: () => void;
  /**
   * Shows the registers while a driver uses a device whose configuration is fixed: it reads why there was an interrupt at each
   * of them. Any of its writes that comes here ends that, and so does whatever changes them. Absent where that cannot be.
   */
  readonly shown?: ShownRegisters;
}

/** The status of a device that its driver uses. */
const runningStatus = deviceStatus.acknowledge | deviceStatus.driver | deviceStatus.featuresOk | deviceStatus.driverOk;

const addressRegisters: ReadonlyMap<number, readonly [QueuePart, AddressHalf]> = new Map([
  [mmioRegister.queueDescriptorsLow, ["descriptors", "low"]],
  [mmioRegister.queueDescriptorsHigh, ["descriptors", "high"]],
  [mmioRegister.queueDriverLow, ["driver", "low"]],
  [mmioRegister.queueDriverHigh, ["driver", "high"]],
  [mmioRegister.queueDeviceLow, ["device", "low"]],
  [mmioRegister.queueDeviceHigh, ["device", "high"]],
] as const);

/**
 * The registers of one virtio device over memory-mapped I/O, version 2 (virtio 1.2, 4.2). Registers are 32 bits wide, and so
 * is each access to them; any other reads as zeros and writes nothing. The configuration is read and written in any width.
 */
export class MmioTransport implements BusDevice {
  readonly #life: DeviceLifecycle;
  readonly #interruptStatus: Int32Array;
  readonly #shown: ShownRegisters | undefined;
  #offeredWord = 0;
  #takenWord = 0;
  #selected = 0;
  #generation = 0;
  /** The configuration when its generation was last read. */
  #seen: Uint8Array;

  constructor(options: MmioTransportOptions) {
    const { device, memory, log, interruptStatus, raise, handOver, takeBack, shown } = options;
    const interrupt = (reason: keyof typeof interruptReason): void => {
      // Also what fails a device comes by this, once its status has changed.
      if (reason === "configuration") shown?.hide();
      noteReason(interruptStatus, 0, reason);
      raise();
    };
    this.#interruptStatus = interruptStatus;
    this.#shown = device.fixedConfiguration === true ? shown : undefined;
    this.#seen = device.configuration.slice();
    this.#life = new DeviceLifecycle({
      device,
      memory,
      log,
      interrupt,
      clearInterrupts: () => {
        takeBack?.();
        forgetReasons(interruptStatus, 0);
      },
      ...(handOver !== undefined && {
        handOver: (queue: number) => {
          noteOthers(interruptStatus, 0);
          return handOver(queue);
        },
      }),
    });
  }

  /** The driver has notified the device of a queue, by the register or in another way. */
  notified(queue: number): void {
    this.#life.notified(queue);
  }

  /** As `DeviceLifecycle.freeze`. */
  freeze(): Promise<void> {
    return this.#life.freeze();
  }

  thaw(): void {
    this.#life.thaw();
  }

  /** The registers, and what is behind them, while the device is frozen. */
  save(): Plain {
    return {
      offeredWord: this.#offeredWord,
      takenWord: this.#takenWord,
      selected: this.#selected,
      generation: this.#generation,
      interrupts: pendingReasons(this.#interruptStatus, 0),
      device: encodeVirtio(this.#life.save()),
    };
  }

  /** Goes on where another one was when it was saved; as `DeviceLifecycle.restore`. */
  restore(saved: PlainReader): void {
    const word = (name: string): number => saved.field(name).number({ most: 0xffffffff });
    this.#offeredWord = word("offeredWord");
    this.#takenWord = word("takenWord");
    this.#selected = word("selected");
    this.#generation = word("generation");
    Atomics.store(this.#interruptStatus, 0, word("interrupts") | 0);
    this.#life.restore(readVirtio(saved.field("device")));
    this.#showWhileRunning();
  }

  /** Ends the device; the guest's processors must not run any more. Idempotent. */
  close(): Promise<void> {
    this.#shown?.hide();
    return this.#life.close();
  }

  read(offset: number, into: Uint8Array): void {
    into.fill(0);
    if (offset >= mmioRegister.config) {
      const from = offset - mmioRegister.config;
      into.set(this.#life.device.configuration.subarray(from, from + into.length));
    } else if (into.length === 4 && offset % 4 === 0) {
      new DataView(into.buffer, into.byteOffset, 4).setUint32(0, this.#register(offset), true);
    }
  }

  write(offset: number, bytes: Uint8Array): void | Promise<void> {
    this.#shown?.hide();
    if (offset >= mmioRegister.config) {
      const from = offset - mmioRegister.config;
      if (from + bytes.length <= this.#life.device.configuration.length) this.#life.configure(from, bytes);
    } else if (bytes.length === 4 && offset % 4 === 0) {
      return this.#setRegister(offset, new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true));
    }
  }

  #register(offset: number): number {
    const { device, features, status } = this.#life;
    switch (offset) {
      case mmioRegister.magic:
        return mmioMagic;
      case mmioRegister.version:
        return mmioVersion;
      case mmioRegister.deviceId:
        return device.kind;
      case mmioRegister.vendorId:
        return mmioVendor;
      case mmioRegister.deviceFeatures:
        return Number((features >> (BigInt(this.#offeredWord) * 32n)) & 0xffffffffn);
      case mmioRegister.queueSizeMax:
        return this.#queue?.sizeMax ?? 0;
      case mmioRegister.queueReady:
        return this.#queue?.ready === true ? 1 : 0;
      case mmioRegister.interruptStatus:
        return readReasons(this.#interruptStatus, 0);
      case mmioRegister.status:
        return status;
      // There is no shared memory: 2^64 - 1 says so (4.2.2).
      case mmioRegister.sharedMemoryLengthLow:
      case mmioRegister.sharedMemoryLengthHigh:
      case mmioRegister.sharedMemoryBaseLow:
      case mmioRegister.sharedMemoryBaseHigh:
        return 0xffffffff;
      case mmioRegister.configGeneration:
        return this.#currentGeneration();
      default:
        return 0;
    }
  }

  #setRegister(offset: number, value: number): void | Promise<void> {
    switch (offset) {
      case mmioRegister.deviceFeaturesSelect:
        this.#offeredWord = value;
        return;
      case mmioRegister.driverFeatures:
        return this.#life.takeFeatures(this.#takenWord, value);
      case mmioRegister.driverFeaturesSelect:
        this.#takenWord = value;
        return;
      case mmioRegister.queueSelect:
        this.#selected = value;
        return;
      case mmioRegister.queueNotify:
        return this.notified(value);
      case mmioRegister.interruptAck:
        acknowledgeReasons(this.#interruptStatus, 0, value);
        return;
      case mmioRegister.status: {
        const done = this.#life.writeStatus(value);
        this.#showWhileRunning();
        return done;
      }
      default:
        return this.#setQueue(offset, value);
    }
  }

  /** What the registers say while a driver uses the device; of an interrupt, that it may be one of a queue's. */
  #showWhileRunning(): void {
    if (this.#life.status !== runningStatus) return;
    this.#shown?.show((page) => {
      for (let offset = 0; offset < mmioRegister.config; offset += 4)
        this.read(offset, page.subarray(offset, offset + 4));
      new DataView(page.buffer, page.byteOffset).setUint32(mmioRegister.interruptStatus, interruptReason.queue, true);
      page.set(this.#life.device.configuration, mmioRegister.config);
    });
  }

  /** A queue is set up between FEATURES_OK and DRIVER_OK, and stays as it is once it is ready (4.2.2.2). */
  #setQueue(offset: number, value: number): void {
    const queue = this.#queue;
    if (queue === undefined || !this.#life.settingUp) return;
    if (offset === mmioRegister.queueReady) queue.ready = value === 1;
    if (queue.ready) return;
    if (offset === mmioRegister.queueSize) queue.size = value;
    const address = addressRegisters.get(offset);
    if (address !== undefined) queue.setAddress(...address, value);
  }

  get #queue(): QueueSetup | undefined {
    return this.#life.queues[this.#selected];
  }

  /** Another number when the configuration is another than at the last read: a driver reads it before and after fields. */
  #currentGeneration(): number {
    const now = this.#life.device.configuration;
    if (Buffer.compare(now, this.#seen) !== 0) {
      this.#seen = now.slice();
      this.#generation = (this.#generation + 1) >>> 0;
    }
    return this.#generation;
  }
}
