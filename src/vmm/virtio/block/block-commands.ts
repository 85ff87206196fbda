import { describeError } from "../../../core/errors/error.js";
import type { Logger } from "../../../core/log.js";
import { errnoNameOf } from "../../../core/sys/sys-error.js";
import { fillWith, lengthOf } from "../chain-bytes.js";
import { SparingLog } from "../sparing-log.js";
import { blockFeature, clearLimits, sectorSize } from "./block-config.js";
import { type BlockRequest, requestKind, type RequestStatus, requestStatus } from "./block-request.js";
import { clearRanges } from "./clear-ranges.js";
import type { Disk } from "./disk.js";

/** How a request ended, and how many bytes of what it wanted were filled. */
export interface Outcome {
  readonly status: RequestStatus;
  readonly filled: number;
}

/** What requests are carried out on. */
export interface BlockCommandsOptions {
  readonly name: string;
  readonly disk: Disk;
  readonly serial: string;
  readonly log: Logger;
  readonly sectors: number;
  /** The most bytes of one request. */
  readonly bytesMax: number;
  /** What the driver has taken. */
  readonly features: bigint;
}

/** Bytes of a disk's identity. */
const identitySize = 20;

const success = (filled = 0): Outcome => ({ status: requestStatus.ok, filled });
const refusal = (status: RequestStatus): Outcome => ({ status, filled: 0 });

/** What requests do, once they are taken apart: each is checked, and answered at once or carried out. */
export class BlockCommands {
  readonly #options: BlockCommandsOptions;
  readonly #log: SparingLog;
  readonly #identity = new Uint8Array(identitySize);

  constructor(options: BlockCommandsOptions) {
    this.#options = options;
    this.#log = new SparingLog(options.log);
    this.#identity.set(Buffer.from(options.serial, "latin1").subarray(0, identitySize));
  }

  run(request: BlockRequest): Outcome | Promise<Outcome> {
    switch (request.kind) {
      case requestKind.read:
        return this.#read(request);
      case requestKind.write:
        return this.#write(request);
      case requestKind.flush:
        return this.#options.disk.flush().then(() => success());
      case requestKind.identity:
        return success(fillWith(request.wanted, this.#identity));
      case requestKind.discard:
        return this.#clear(request, blockFeature.discard);
      case requestKind.writeZeroes:
        return this.#clear(request, blockFeature.writeZeroes);
      default:
        return refusal(requestStatus.unsupported);
    }
  }

  /** What the host has refused is an error of the disk to the guest, and is logged. */
  refused(error: unknown): Outcome {
    if (errnoNameOf(error) === "EOPNOTSUPP") return refusal(requestStatus.unsupported);
    this.#log.warn("a request to a disk failed", { disk: this.#options.name, error: describeError(error) });
    return refusal(requestStatus.failed);
  }

  #read({ sector, given, wanted }: BlockRequest): Outcome | Promise<Outcome> {
    const length = lengthOf(wanted);
    if (given.length > 0 || !this.#within(sector, length)) return refusal(requestStatus.failed);
    if (length === 0) return success();
    const reading = this.#options.disk.read(wanted, sector * sectorSize);
    return reading === undefined ? success(length) : reading.then(() => success(length));
  }

  #write({ sector, given, wanted }: BlockRequest): Outcome | Promise<Outcome> {
    const { disk } = this.#options;
    const length = lengthOf(given);
    if (disk.readOnly || wanted.length > 0 || !this.#within(sector, length)) return refusal(requestStatus.failed);
    if (length === 0) return success();
    return this.#durable(disk.write(given, sector * sectorSize));
  }

  /** Discards, or fills with zeros. Ranges are done one after another, in their order. */
  #clear({ given, wanted, kind }: BlockRequest, feature: bigint): Outcome | Promise<Outcome> {
    const { disk, sectors, features } = this.#options;
    if (disk.readOnly || wanted.length > 0) return refusal(requestStatus.failed);
    if ((features & feature) === 0n) return refusal(requestStatus.unsupported);
    const zeros = kind === requestKind.writeZeroes;
    const sectorsMax = zeros ? clearLimits.zeroSectors : clearLimits.discardSectors;
    const ranges = clearRanges(given, { sectors, sectorsMax, unmap: zeros });
    if (typeof ranges === "number") return refusal(ranges);
    if (ranges.length === 0) return success();
    const all = async (): Promise<void> => {
      for (const { position, length, unmap } of ranges) {
        if (zeros) await disk.writeZeroes(position, length, unmap);
        else await disk.discard(position, length);
      }
    };
    return this.#durable(all());
  }

  /** A driver that cannot flush is to find on the disk what it was told is written (virtio 1.2, 5.2.6.2). */
  async #durable(written: Promise<void>): Promise<Outcome> {
    await written;
    if ((this.#options.features & blockFeature.flush) === 0n) await this.#options.disk.flush();
    return success();
  }

  /** Whole sectors that the disk has, and no more than allowed; written so that no sum can pass 2^53. */
  #within(sector: number, length: number): boolean {
    const { sectors, bytesMax } = this.#options;
    return length <= bytesMax && length % sectorSize === 0 && length / sectorSize <= sectors - sector;
  }
}
