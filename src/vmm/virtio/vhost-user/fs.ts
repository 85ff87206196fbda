import type { Sys } from "../../../core/sys/sys.js";
import type { DeviceContext, HandedQueue, VirtioDevice } from "../device.js";
import { fsConfiguration, tagProblem } from "../fs/fs-config.js";
import { vhostUserErrors } from "./errors.js";
import { VhostUserFrontEnd } from "./front-end.js";

/** How a file system served by a daemon is made. */
export interface VhostUserFsOptions {
  readonly sys: Pick<Sys, "sockets" | "descriptors">;
  /** Unix socket at which virtiofsd waits for its one client. */
  readonly path: string;
  /** The name by which the guest mounts it: 1 to 36 bytes, none of them 0. */
  readonly tag: string;
  /** Queues besides that of high priority; 1 unless told. */
  readonly requestQueues?: number;
  /** Entries of each queue, a power of two; 1024 unless told. */
  readonly queueSize?: number;
  /** Milliseconds for one answer of the daemon's; 10 s unless told. */
  readonly answerMs?: number;
}

/**
 * Virtio's file system device (virtio 1.2, 5.11), whose queues virtiofsd serves. Here is only what the two sides have to be
 * told: the driver's requests go past this thread.
 */
export class VhostUserFsDevice implements VirtioDevice {
  readonly kind = 26;
  readonly name: string;
  readonly features = 0n;
  readonly queueSizes: readonly number[];
  readonly configuration: Buffer;
  readonly #sys: VhostUserFsOptions["sys"];
  #frontEnd: VhostUserFrontEnd | undefined;
  #context: DeviceContext | undefined;
  /** Queues that the daemon serves. */
  readonly #started = new Set<number>();
  /** What the daemon is being told: starts and stops one after the other. */
  #telling: Promise<void> = Promise.resolve();
  /** Set once the daemon is lost. */
  #lost: { readonly error: unknown } | undefined;

  private constructor({ sys, tag, requestQueues = 1, queueSize = 1024 }: VhostUserFsOptions) {
    this.name = `fs ${tag}`;
    const problem = tagProblem(tag);
    if (problem !== undefined) throw vhostUserErrors.KATA_VMM_VHOST_USER_TAG({ tag, problem });
    this.configuration = fsConfiguration(tag, requestQueues);
    this.queueSizes = Array.from({ length: 1 + requestQueues }, () => queueSize);
    this.#sys = sys;
  }

  /**
   * Connects to the daemon and agrees with it. `KATA_VMM_VHOST_USER_TAG`, `KATA_VMM_VHOST_USER_CONNECT`, and what
   * `VhostUserFrontEnd.connect` fails with.
   */
  static async connect(options: VhostUserFsOptions): Promise<VhostUserFsDevice> {
    const { sys, path, answerMs } = options;
    const device = new VhostUserFsDevice(options);
    device.#frontEnd = await VhostUserFrontEnd.connect({
      sys,
      path,
      name: device.name,
      queues: device.queueSizes.length,
      ended: (error) => device.#lose(error),
      ...(answerMs !== undefined && { answerMs }),
    });
    return device;
  }

  activate(context: DeviceContext): void {
    this.#context = context;
    if (context.handOver === undefined) {
      return this.#lose(vhostUserErrors.KATA_VMM_VHOST_USER_TRANSPORT({ name: this.name }));
    }
    const queues = this.queueSizes.map((_, index) => context.handOver?.(index));
    const start = this.#telling.then(() => this.#start(context, queues));
    this.#telling = start.catch((error: unknown) => this.#lose(error));
  }

  /** The daemon is notified itself. */
  notify(): void {}

  /** Ends well once the daemon does not touch the guest's memory any more: because it says so, or has been hung up on. */
  async reset(): Promise<void> {
    this.#context = undefined;
    const stopped = this.#telling.then(() => this.#stop());
    this.#telling = stopped.catch(() => undefined);
    await stopped;
  }

  close(): void {
    this.#context = undefined;
    this.#started.clear();
    this.#frontEnd?.close();
  }

  async #start(context: DeviceContext, queues: readonly (HandedQueue | undefined)[]): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost.error;
    // The driver was reset before its turn came.
    if (this.#context !== context) return;
    const { memory, features } = context;
    await this.#frontEnd?.prepare(features, memory);
    for (const [index, queue] of queues.entries()) {
      if (queue === undefined) continue;
      await this.#frontEnd?.startQueue(index, queue, memory);
      this.#started.add(index);
      // What the driver made available before the daemon looked may have been notified of to nobody.
      this.#sys.descriptors.addEventfd(queue.kick);
    }
  }

  async #stop(): Promise<void> {
    const started = [...this.#started];
    this.#started.clear();
    if (this.#lost !== undefined) return;
    for (const index of started) await this.#frontEnd?.stopQueue(index);
  }

  /** Ends the device: hung up on, a daemon ends too, and leaves the guest's memory alone. */
  #lose(error: unknown): void {
    this.#lost ??= { error };
    this.#frontEnd?.close();
    const context = this.#context;
    this.#context = undefined;
    context?.fail(error);
  }
}
