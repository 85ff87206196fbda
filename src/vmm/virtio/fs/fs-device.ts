import type { FuseServer } from "../../fuse/fuse-server.js";
import type { DeviceContext, VirtioDevice } from "../device.js";
import { fsErrors } from "./errors.js";
import { fsConfiguration, tagProblem } from "./fs-config.js";
import { FsSession } from "./fs-session.js";

/** How a directory is shown to the guest. */
export interface FsDeviceOptions {
  /** The name by which the guest mounts it: 1 to 36 bytes, none of them 0. */
  readonly tag: string;
  /** Closed with the device. */
  readonly server: FuseServer;
  /** Entries of each queue, a power of two; 1024 unless told. */
  readonly queueSize?: number;
}

/**
 * Virtio's file system device (virtio 1.2, 5.11), served in this thread: a queue of high priority, for what the guest forgets,
 * and one for everything else. One is enough, as one thread serves them.
 */
export class FsDevice implements VirtioDevice {
  readonly kind = 26;
  readonly notSaved = "what the guest knows of its files is open in this process alone";
  readonly name: string;
  readonly features = 0n;
  readonly queueSizes: readonly number[];
  readonly configuration: Uint8Array;
  readonly #server: FuseServer;
  #session: FsSession | undefined;

  /** `KATA_VMM_FS_TAG`; the server is the caller's then. */
  constructor({ tag, server, queueSize = 1024 }: FsDeviceOptions) {
    const problem = tagProblem(tag);
    if (problem !== undefined) throw fsErrors.KATA_VMM_FS_TAG({ tag, problem });
    this.name = `fs ${tag}`;
    this.queueSizes = [queueSize, queueSize];
    this.configuration = fsConfiguration(tag, 1);
    this.#server = server;
  }

  activate(context: DeviceContext): void {
    this.#session = new FsSession(context, this.#server);
  }

  notify(queue: number): void {
    this.#session?.notify(queue);
  }

  /** Done when no request is under way. */
  reset(): void | Promise<void> {
    const stopped = this.#session?.stop();
    this.#session = undefined;
    return stopped === undefined ? this.#server.reset() : stopped.then(() => this.#server.reset());
  }

  async close(): Promise<void> {
    await this.reset();
    this.#server.close();
  }
}
