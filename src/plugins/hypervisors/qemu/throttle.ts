import { type DiskRate, type DiskRateKeys, diskRates } from "../../../core/disks/disk-rates.js";
import type { Properties } from "./command.js";
import type { BackendPart } from "./device-plan.js";

/** What a guest discards is given back to the host: each node of a disk has to be told, or would drop it. */
export const discards = (readOnly: boolean): Properties => (readOnly ? {} : { discard: "unmap" });

/** QEMU's largest limit (`THROTTLE_VALUE_MAX` of its source). */
const most = 1e15;

/** Whole, and never 0, which is no limit. */
const whole = (value: number): number => Math.min(most, Math.max(1, Math.floor(value)));

/**
 * QEMU's leaky bucket, in the words of `qapi/block-core.json`: it empties at the rate, and holds what may be done at once. It
 * is a second's worth and the burst, which a disk that was idle may have again: QEMU knows none that comes once.
 */
function limit(name: string, rate: DiskRate | undefined): Properties {
  if (rate === undefined) return {};
  const perSecond = whole(rate.perSecond);
  return {
    [`${name}-total`]: perSecond,
    [`${name}-total-max`]: Math.max(perSecond, whole(rate.perSecond + rate.burst)),
  };
}

/** What keeps a disk within the limits of configuration: parts below the device and above its file, and the uppermost node. */
export interface Throttle {
  readonly before: readonly BackendPart[];
  readonly after: readonly BackendPart[];
  readonly node: string;
}

/** The throttle of one disk, whose node is `below`; a disk without limits has none. */
export function throttle(name: string, below: string, readOnly: boolean, keys: DiskRateKeys): Throttle {
  const limits = { ...limit("bps", diskRates(keys).bytes), ...limit("iops", diskRates(keys).operations) };
  if (Object.keys(limits).length === 0) return { before: [], after: [], node: below };
  const [group, node] = [`${name}-limits`, `${name}-limited`];
  const filter = {
    driver: "throttle",
    "node-name": node,
    "throttle-group": group,
    "read-only": readOnly,
    ...discards(readOnly),
    file: below,
  };
  return {
    before: [{ kind: "object", id: group, properties: { "qom-type": "throttle-group", id: group, limits } }],
    after: [{ kind: "blockdev", id: node, properties: filter }],
    node,
  };
}
