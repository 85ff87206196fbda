import { Worker } from "node:worker_threads";
import { withDeadline } from "../../core/deadline.js";
import { messageOf } from "../../core/errors/error.js";
import type { Logger } from "../../core/log.js";
import type { PowerRequest } from "../legacy/power.js";
import { vmmErrors } from "../errors.js";
import type { PluggedDevice } from "./device-spec.js";
import type { DeviceNews, DeviceOrder, DeviceThreadData } from "./device-thread.js";
import { OrderAnswers } from "./order-answers.js";
import type { DevicesToSave } from "./saved-devices.js";
import { endingError, errorOf } from "./thread-error.js";
import { threadProgram } from "./thread-program.js";

/** Who hears of what devices do. */
export interface DeviceListener {
  readonly log: Logger;
  console(bytes: Uint8Array): void;
  power(request: PowerRequest): void;
  /** Bytes of memory that the guest has plugged in now. */
  memory(plugged: number): void;
  /** The thread has ended by itself, or by an error: no device is served any more. */
  failed(error: Error): void;
}

/** Milliseconds in which all devices are made; those that speak with a daemon have deadlines of their own, below this. */
const startMs = 60_000;

/** Milliseconds in which devices finish what is under way, and the thread ends. */
const closeMs = 30_000;

/** Milliseconds in which requests that are under way end, so that devices can be saved. */
const freezeMs = 30_000;

/** Milliseconds in which a device is made, or has finished what is under way. */
const orderMs = 30_000;

/**
 * Sizes in MiB of the thread: its heap may have more than it ever needs, and less than what V8 copies its own code for (2 GiB),
 * which takes 1.6 MiB; what is young there is short-lived, and would take several MiB before V8 looks at it; on a stack of one
 * MiB the kernel has no room for a huge page.
 */
const sizes = { maxOldGenerationSizeMb: 1024, maxYoungGenerationSizeMb: 4, stackSizeMb: 1 } as const;

/** The thread that serves a machine's devices, as the machine has it. */
export class DeviceHost {
  readonly #worker: Worker;
  readonly #exited: Promise<unknown>;
  readonly #answers = new OrderAnswers();
  #closed: Promise<void> | undefined;
  /** Waits for the answer to `freeze`. */
  #frozen: { resolve(devices: DevicesToSave): void; reject(error: unknown): void } | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    // From the start: a thread that has ended by an error ends no second time.
    this.#exited = new Promise((resolve) => worker.once("exit", resolve));
  }

  /**
   * Starts the thread, and waits until all devices are there; an error says which could not be made, and nothing is left of
   * them nor of the thread.
   */
  static async start(workerData: DeviceThreadData, listener: DeviceListener): Promise<DeviceHost> {
    const worker = new Worker(threadProgram("device-thread"), {
      workerData,
      name: "kata-devices",
      resourceLimits: sizes,
      trackUnmanagedFds: false,
    });
    const host = new DeviceHost(worker);
    const ready = new Promise<void>((resolve, reject) => {
      worker.on("message", (news: DeviceNews) => {
        if (news.kind === "ready") resolve();
        else host.#hear(news, listener);
      });
      worker.once("error", (cause) => {
        const error = endingError(cause);
        reject(error);
        listener.failed(error);
      });
      worker.once("exit", () => {
        const error = new Error("the thread of the devices has ended");
        reject(error);
        host.#answers.end(error);
        if (host.#closed === undefined) listener.failed(error);
      });
    });
    try {
      await withDeadline({ ms: startMs, what: "the devices of the machine to be made" }, () => ready);
    } catch (error) {
      // That it does not end either is said by the same.
      await host.close().catch(() => undefined);
      throw error;
    }
    return host;
  }

  /** Input of the console. */
  input(bytes: Uint8Array): void {
    this.#order({ kind: "input", bytes });
  }

  /**
   * Has the devices leave the guest's memory alone until `thaw`, and gives what there is to save of them. The vCPUs must be
   * paused. `KATA_VMM_SNAPSHOT_DEVICE` when one cannot be saved; they go on then.
   */
  async freeze(): Promise<DevicesToSave> {
    const answer = new Promise<DevicesToSave>((resolve, reject) => (this.#frozen = { resolve, reject }));
    this.#order({ kind: "freeze" });
    try {
      return await withDeadline({ ms: freezeMs, what: "the devices to end what is under way" }, () => answer);
    } catch (error) {
      this.thaw();
      throw error;
    } finally {
      this.#frozen = undefined;
    }
  }

  thaw(): void {
    this.#order({ kind: "thaw" });
  }

  /** Makes a device and plugs it into its slot; `KATA_VMM_DEVICE` when it cannot be. Its descriptors are taken in any case. */
  async plug(device: PluggedDevice): Promise<void> {
    const { id } = device.spec;
    const deadline = { ms: orderMs, what: `the device "${id}" to be made` };
    await this.#answers
      .ask((order) => this.#order({ kind: "plug", order, device }), deadline)
      .catch((error: unknown) => {
        throw vmmErrors.KATA_VMM_DEVICE({ id, what: "plugged in", problem: messageOf(error) }, { cause: error });
      });
  }

  /** Takes a device out of its slot, whatever the guest does with it, and gives back what it had; `KATA_VMM_DEVICE`. */
  async unplug(id: string): Promise<void> {
    const deadline = { ms: orderMs, what: `the device "${id}" to let go of its host` };
    await this.#answers
      .ask((order) => this.#order({ kind: "unplug", order, id }), deadline)
      .catch((error: unknown) => {
        throw vmmErrors.KATA_VMM_DEVICE({ id, what: "taken out", problem: messageOf(error) }, { cause: error });
      });
  }

  /** Asks the guest to have that much memory plugged in, in bytes. */
  requestMemory(bytes: number): void {
    this.#order({ kind: "memory", bytes });
  }

  /** Ends all devices, and the thread. The vCPUs must not run any more. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#order({ kind: "close" });
    try {
      await withDeadline({ ms: closeMs, what: "the thread of the devices to end" }, () => this.#exited);
    } catch (error) {
      // By force it would take the process along, while descriptors are watched: it keeps that from ending no longer.
      this.#worker.unref();
      throw error;
    }
  }

  #order(order: DeviceOrder): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#worker.postMessage(order);
  }

  #hear(news: DeviceNews, listener: DeviceListener): void {
    switch (news.kind) {
      case "console":
        return listener.console(news.bytes);
      case "power":
        return listener.power(news.request);
      case "frozen":
        return this.#frozen?.resolve(news.devices);
      case "not frozen":
        return this.#frozen?.reject(errorOf(news.error));
      case "answer":
        return this.#answers.answer(news.order, news.error === undefined ? undefined : errorOf(news.error));
      case "failed":
        return listener.failed(new Error(news.why));
      case "memory":
        return listener.memory(news.plugged);
      case "log":
        return listener.log[news.level](news.message, news.fields);
      default:
    }
  }
}
