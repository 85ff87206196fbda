import { copyFirst, lengthOf } from "../chain-bytes.js";
import { clearLimits, sectorSize } from "./block-config.js";
import { type RequestStatus, requestStatus } from "./block-request.js";

/** A range of the disk to discard or to fill with zeros. Bytes. */
export interface ClearRange {
  readonly position: number;
  readonly length: number;
  /** The flag `unmap`. */
  readonly unmap: boolean;
}

/** What bounds the ranges of a request. */
export interface RangeRules {
  /** Of the disk. */
  readonly sectors: number;
  /** Of one range. */
  readonly sectorsMax: number;
  /** Whether the flag `unmap` has a meaning. */
  readonly unmap: boolean;
}

/** Bytes of `struct virtio_blk_discard_write_zeroes`: sector, number of sectors, flags. */
const rangeSize = 16;
const unmapFlag = 1;

/** The ranges of a request, checked; or the status it ends with (virtio 1.2, 5.2.6.2). Nothing is to be done for one bad one. */
export function clearRanges(given: readonly Uint8Array[], rules: RangeRules): ClearRange[] | RequestStatus {
  const bytes = lengthOf(given);
  if (bytes === 0 || bytes % rangeSize !== 0 || bytes > rangeSize * clearLimits.ranges) return requestStatus.failed;
  const copy = copyFirst(given, bytes);
  if (copy === undefined) return requestStatus.failed;
  const fields = new DataView(copy.buffer);
  const ranges: ClearRange[] = [];
  for (let at = 0; at < bytes; at += rangeSize) {
    const sector = fields.getUint32(at, true) + fields.getUint32(at + 4, true) * 2 ** 32;
    const count = fields.getUint32(at + 8, true);
    const flags = fields.getUint32(at + 12, true);
    if ((flags & ~(rules.unmap ? unmapFlag : 0)) !== 0) return requestStatus.unsupported;
    if (count > rules.sectorsMax || count > rules.sectors - sector) return requestStatus.failed;
    if (count > 0) {
      const unmap = (flags & unmapFlag) !== 0;
      ranges.push({ position: sector * sectorSize, length: count * sectorSize, unmap });
    }
  }
  return ranges;
}
