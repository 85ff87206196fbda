import type { ContainerStats } from "../../../core/contracts/container-stats.js";
import { Metrics as MetricsV1 } from "../../../core/proto/gen/cgroups/v1.js";
import { Metrics as MetricsV2 } from "../../../core/proto/gen/cgroups/v2.js";
import type { Any } from "../../../core/proto/gen/google/protobuf/any.js";
import { toMetricsV1 } from "./stats-v1.js";
import { toMetricsV2 } from "./stats-v2.js";

/** The statistics as containerd expects them of a host with this version of cgroups, whatever the guest has. */
export function toStatsAny(stats: ContainerStats, version: 1 | 2): Any {
  return version === 1
    ? { typeUrl: "io.containerd.cgroups.v1.Metrics", value: MetricsV1.encode(toMetricsV1(stats)).finish() }
    : { typeUrl: "io.containerd.cgroups.v2.Metrics", value: MetricsV2.encode(toMetricsV2(stats)).finish() };
}
