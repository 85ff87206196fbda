import { cpuListForm, readCpuList } from "../oci/cpu-list.js";
import { cgroupErrors } from "./errors.js";

/** What a cgroup has when nothing is asked of it: one that holds processes cannot have none, so it is that of the one above. */
export interface InheritedCpus {
  readonly cpus: string;
  readonly mems: string;
}

/**
 * The numbers of a list as `cpuset.cpus` and `cpuset.mems` have it (`0-3,8`), in order, each once; none for an empty one.
 * `KATA_CGROUP_VALUE` names `limit`, which the list was written as.
 */
export function parseCpuList(text: string, limit: string): number[] {
  const numbers = readCpuList(text);
  if (numbers !== undefined) return numbers;
  const value = JSON.stringify(text.slice(0, 200));
  throw cgroupErrors.KATA_CGROUP_VALUE({ limit, value, expected: cpuListForm });
}
