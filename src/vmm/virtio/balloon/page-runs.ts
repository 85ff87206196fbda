import { copyFirst, lengthOf } from "../chain-bytes.js";
import { balloonErrors } from "./errors.js";

/** Bytes of a page as the balloon counts them, whatever the guest's are (virtio 1.2, 5.5.6). */
export const balloonPage = 4096;

/** Drivers name 256 pages at once; many more than any would keep the device at it. */
const bytesLimit = 16384;

/** Pages that lie one after another. Bytes. */
export interface PageRun {
  readonly address: number;
  readonly length: number;
}

/**
 * The pages whose numbers a driver has written, 32 bits each, those that follow each other up or down put together. Too many,
 * or half a number, is `KATA_VMM_BALLOON_REQUEST`; the addresses are not checked.
 */
export function pageRuns(views: readonly Uint8Array[]): PageRun[] {
  const bytes = lengthOf(views);
  const copy = bytes <= bytesLimit && bytes % 4 === 0 ? copyFirst(views, bytes) : undefined;
  if (copy === undefined) throw balloonErrors.KATA_VMM_BALLOON_REQUEST({ bytes, limit: bytesLimit });
  const numbers = new DataView(copy.buffer);
  const runs: PageRun[] = [];
  let first = 0;
  let end = 0;
  for (let at = 0; at < bytes; at += 4) {
    const page = numbers.getUint32(at, true);
    if (first === end) [first, end] = [page, page + 1];
    else if (page === end) end++;
    else if (page === first - 1) first--;
    else {
      runs.push({ address: first * balloonPage, length: (end - first) * balloonPage });
      [first, end] = [page, page + 1];
    }
  }
  if (end > first) runs.push({ address: first * balloonPage, length: (end - first) * balloonPage });
  return runs;
}
