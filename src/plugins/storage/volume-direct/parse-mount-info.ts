import type { GuestGroup } from "../../../core/contracts/guest.js";
import { messageOf } from "../../../core/errors/error.js";
import { diskFileSystems } from "../../../core/disks/disk-file-systems.js";
import { directVolumeErrors } from "./errors.js";

/** What a CSI driver says of a volume. */
export interface MountInfo {
  /** Absolute path of a block device or of an image in a file. */
  readonly device: string;
  readonly fstype: string;
  /** Options of the file system. */
  readonly options: readonly string[];
  /** The group that is to own all that is in it. */
  readonly group: GuestGroup | undefined;
}

/** Whose it is, for messages. */
interface Place {
  readonly source: string;
  readonly file: string;
}

/** What upstream calls a disk with a file system: the first in the words of its documentation, the second in its code's. */
const diskTypes: readonly string[] = ["block", "directvol"];

const longestOption = 256;
const mostOptions = 64;

/** Kubernetes' `fsGroupChangePolicy`. */
const policies: ReadonlyMap<unknown, GuestGroup["policy"]> = new Map([
  [undefined, "always"],
  ["Always", "always"],
  ["OnRootMismatch", "on-root-mismatch"],
]);

/** Checks the text of a `mountInfo.json`; `KATA_DIRECT_VOLUME_FIELD` names a field that is not what it should be. */
export function parseMountInfo(text: string, place: Place): MountInfo {
  const info = parseObject(text, place);
  const wrong = (field: string, value: unknown, expected: string): Error =>
    directVolumeErrors.KATA_DIRECT_VOLUME_FIELD({ ...place, field, value: shown(value), expected });
  const { device, fstype, options = [], metadata = {}, "volume-type": type } = info;
  if (typeof type !== "string" || !diskTypes.includes(type)) {
    throw wrong("volume-type", type, `one of ${diskTypes.join(", ")}; VFIO, SPDK and others are not supported`);
  }
  if (typeof device !== "string" || !device.startsWith("/") || device.includes("\0")) {
    throw wrong("device", device, "the absolute path of a block device or of an image");
  }
  if (typeof fstype !== "string" || !diskFileSystems.has(fstype)) {
    throw wrong("fstype", fstype, `one of ${[...diskFileSystems].join(", ")}`);
  }
  if (!Array.isArray(options) || options.length > mostOptions || !options.every(isOption)) {
    throw wrong("options", options, `a list of mount options, ${mostOptions} at most`);
  }
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) {
    throw wrong("metadata", metadata, "an object");
  }
  return { device, fstype, options, group: groupOf(metadata, wrong) };
}

const isOption = (option: unknown): option is string =>
  typeof option === "string" && option.length <= longestOption && /^[^,\s\0]+$/.test(option);

function parseObject(text: string, place: Place): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw directVolumeErrors.KATA_DIRECT_VOLUME_FILE({ ...place, problem: messageOf(error) }, { cause: error });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw directVolumeErrors.KATA_DIRECT_VOLUME_FILE({ ...place, problem: "it is JSON, but no object" });
}

function groupOf(
  metadata: object,
  wrong: (field: string, value: unknown, expected: string) => Error,
): GuestGroup | undefined {
  const { fsGroup, fsGroupChangePolicy }: Record<string, unknown> = { ...metadata };
  const policy = policies.get(fsGroupChangePolicy);
  if (policy === undefined) {
    throw wrong("metadata.fsGroupChangePolicy", fsGroupChangePolicy, "Always or OnRootMismatch");
  }
  if (fsGroup === undefined) return undefined;
  const id = typeof fsGroup === "string" && /^\d{1,10}$/.test(fsGroup) ? Number(fsGroup) : Number.NaN;
  if (!(id < 0xffffffff)) throw wrong("metadata.fsGroup", fsGroup, "the number of a group, as a string");
  return { id, policy };
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? "absent").slice(0, 200);
}
