import { accessSync, constants } from "node:fs";
import { describeError } from "../../../core/errors/error.js";
import type { CheckContext, HostFinding } from "../../../core/plugin/host-check.js";
import { findHierarchies } from "./hierarchies.js";
import { matchV1 } from "./match.js";

const name = "cgroups";

/** What the host's cgroups can keep limits with; nothing where they are of another version. */
export async function checkHost({ sys, roots }: CheckContext): Promise<readonly HostFinding[]> {
  const mounts = sys.mounts.list();
  if (matchV1(mounts, roots.cgroup) === 0 || mounts.some((one) => isV2Root(one, roots.cgroup))) return [];
  const found = findHierarchies(mounts, roots.cgroup);
  const { checkSystemd } = await import("../../../core/systemd/check-host.js");
  const systemd = checkSystemd(roots.systemd);
  try {
    for (const { mount } of found) accessSync(mount.mountPoint, constants.W_OK);
    const there = found.flatMap(({ names }) => names);
    const missing = ["cpuset", "cpu", "blkio", "memory", "pids"].filter((one) => !there.includes(one));
    const detail = `version 1 at ${roots.cgroup}: ${there.join(", ")}`;
    if (missing.length === 0) return [{ name, state: "ok", detail }, ...systemd];
    const problem = `${detail}; without ${missing.join(", ")}, limits that need it are refused`;
    return [{ name, state: "degraded", detail: problem, remedy: "mount its hierarchy" }, ...systemd];
  } catch (error) {
    const detail = `version 1, which cannot be used: ${describeError(error)}; limits of containers are refused`;
    return [
      { name, state: "degraded", detail, remedy: `mount the hierarchies below ${roots.cgroup} writable` },
      ...systemd,
    ];
  }
}

function isV2Root({ type, mountPoint }: { type: string; mountPoint: string }, root: string): boolean {
  return type === "cgroup2" && mountPoint === root;
}
