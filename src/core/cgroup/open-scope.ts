import type { SandboxRecord } from "../sandbox/record.js";
import { hostUnits } from "../systemd/host.js";
import type { CgroupPlace } from "./place.js";
import { ScopeUnit } from "./scope-unit.js";

/** A cgroup of systemd's that is wanted. */
export interface ScopeWanted {
  readonly place: CgroupPlace;
  readonly record: Pick<SandboxRecord, "content" | "directories" | "forget">;
  /** Its directory on the host, for messages and the record. */
  readonly directory: string;
  /** There when systemd runs the host. */
  readonly mark: string;
}

/** The scope for a place that is written in systemd's form, on a host that systemd runs; undefined otherwise. */
export function openScope({ place, record, directory, mark }: ScopeWanted): ScopeUnit | undefined {
  const units = hostUnits(mark);
  const { systemd } = place;
  if (units === undefined || systemd === undefined) return undefined;
  return new ScopeUnit({ units, place: { ...place, systemd }, record, directory });
}
