import type { Logger } from "../../../core/log.js";
import { nothingToSave } from "../../snapshot/device-saving.js";
import type { DeviceContext, VirtioDevice } from "../device.js";
import {
  type BlockGeometry,
  blockConfiguration,
  blockFeatures,
  pageBytes,
  sectorSize,
  segmentBytes,
} from "./block-config.js";
import { BlockSession } from "./block-session.js";
import type { Disk } from "./disk.js";
import type { DiskThrottle } from "./disk-limits.js";

/** How a disk is shown to the guest. */
export interface BlockOptions {
  /** Short, in the logs. */
  readonly name: string;
  /** Closed with the device. */
  readonly disk: Disk;
  /** What the guest finds it by, in /dev/disk/by-id: ASCII, cut after 20 bytes. */
  readonly serial: string;
  readonly log: Logger;
  /** 1 by default. */
  readonly queues?: number;
  /** Entries of each queue, a power of two from 4 on; 128 by default. */
  readonly queueSize?: number;
  /** The most requests that are under way at once, of all queues together; 64 by default. */
  readonly inFlight?: number;
  /** Keeps the disk within limits; nothing does when absent. */
  readonly throttle?: Pick<DiskThrottle, "admit">;
  /** Bytes of a sector as the guest is to see it, a power of two; 512 by default. */
  readonly logicalSector?: number;
  /** The same of what is written at once; a page of the host's by default, or a sector if that is more. */
  readonly physicalSector?: number;
}

/** A disk of the guest's (virtio 1.2, 5.2). A disk that is read-only is so whatever the driver asks for. */
export class BlockDevice implements VirtioDevice {
  readonly kind = 2;
  readonly name: string;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly configuration: Uint8Array;
  readonly fixedConfiguration = true;
  readonly saving = nothingToSave;
  readonly #options: BlockOptions;
  readonly #geometry: BlockGeometry;
  #session: BlockSession | undefined;

  constructor(options: BlockOptions) {
    const { name, disk, queues = 1, queueSize = 128, logicalSector = sectorSize } = options;
    const { physicalSector = Math.max(pageBytes, logicalSector) } = options;
    this.name = `block ${name}`;
    this.#options = options;
    // A buffer has a descriptor for the header and one for the status besides its data.
    const segments = queueSize - 2;
    const sectors = Math.floor(disk.bytes / logicalSector) * (logicalSector / sectorSize);
    const { readOnly } = disk;
    this.#geometry = { sectors, segments, queues, readOnly, logicalSector, physicalSector };
    this.features = blockFeatures(this.#geometry);
    this.queueSizes = Array.from({ length: queues }, () => queueSize);
    this.configuration = blockConfiguration(this.#geometry);
  }

  activate(context: DeviceContext): void {
    const { name, disk, serial, log, inFlight = 64, throttle } = this.#options;
    const { sectors, segments } = this.#geometry;
    this.#session = new BlockSession(context, {
      name,
      disk,
      serial,
      log,
      inFlight,
      sectors,
      bytesMax: segments * segmentBytes,
      ...(throttle !== undefined && { throttle }),
    });
  }

  notify(queue: number): void {
    this.#session?.notify(queue);
  }

  /** Done when no request is under way. */
  reset(): void | Promise<void> {
    return this.#session?.stop();
  }

  async close(): Promise<void> {
    await this.reset();
    await this.#options.disk.close();
  }
}
