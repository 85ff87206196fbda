import type { OciLinuxResources } from "../oci/spec.js";
import { cgroupErrors } from "./errors.js";

/** Kinds of throttles: the OCI field, and its key in `io.max`. */
export const throttleKinds = [
  { field: "throttleReadBpsDevice", key: "rbps", file: "read_bps_device" },
  { field: "throttleWriteBpsDevice", key: "wbps", file: "write_bps_device" },
  { field: "throttleReadIOPSDevice", key: "riops", file: "read_iops_device" },
  { field: "throttleWriteIOPSDevice", key: "wiops", file: "write_iops_device" },
] as const;

/** A value of one device of the host, `major:minor`. */
export interface DeviceValue {
  readonly device: string;
  readonly value: number;
}

/** What `linux.resources.blockIO` asks for, checked. */
export interface BlockIo {
  readonly weight: number | undefined;
  readonly weights: readonly DeviceValue[];
  readonly throttles: readonly (DeviceValue & { readonly kind: (typeof throttleKinds)[number] })[];
}

const at = "linux.resources.blockIO";

/** Reads `linux.resources.blockIO`, whose shape nobody has checked: `KATA_CGROUP_VALUE` names the field. */
export function parseBlockIo(blockIo: OciLinuxResources["blockIO"]): BlockIo {
  const value = blockIo ?? {};
  const weight = value["weight"];
  return {
    weight: weight === undefined || weight === 0 ? undefined : numberOf(`${at}.weight`, weight, 10, 1000),
    weights: devices(value, "weightDevice", "weight", 10, 1000),
    throttles: throttleKinds.flatMap((kind) =>
      devices(value, kind.field, "rate", 0, Number.MAX_SAFE_INTEGER).map((one) => ({ ...one, kind })),
    ),
  };
}

function devices(value: Readonly<Record<string, unknown>>, field: string, key: string, least: number, most: number) {
  const list = value[field];
  if (list === undefined || list === null) return [];
  const where = `${at}.${field}`;
  if (!Array.isArray(list)) throw refuse(where, list, "a list");
  return list.map((entry: unknown, index): DeviceValue => {
    const here = `${where}[${index}]`;
    if (typeof entry !== "object" || entry === null) throw refuse(here, entry, "an object");
    const one = entry as Record<string, unknown>;
    const number = (name: string) => numberOf(`${here}.${name}`, one[name], 0, 0xffffffff);
    return {
      device: `${number("major")}:${number("minor")}`,
      value: numberOf(`${here}.${key}`, one[key], least, most),
    };
  });
}

function numberOf(limit: string, value: unknown, least: number, most: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw refuse(limit, value, `a number from ${least} to ${most}`);
}

function refuse(limit: string, value: unknown, expected: string): Error {
  return cgroupErrors.KATA_CGROUP_VALUE({ limit, value: JSON.stringify(value ?? null).slice(0, 200), expected });
}
