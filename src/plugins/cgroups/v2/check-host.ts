import { accessSync, constants, readFileSync } from "node:fs";
import { join } from "node:path";
import { describeError } from "../../../core/errors/error.js";
import type { CheckContext, HostFinding } from "../../../core/plugin/host-check.js";
import { v2Mount } from "./match.js";

const name = "cgroups";

/** What the host's cgroups can keep limits with; nothing where they are of another version. */
export async function checkHost({ sys, roots }: CheckContext): Promise<readonly HostFinding[]> {
  const mount = v2Mount(sys.mounts.list(), roots.cgroup);
  if (mount === undefined) return [];
  const { checkSystemd } = await import("../../../core/systemd/check-host.js");
  const systemd = checkSystemd(roots.systemd);
  try {
    accessSync(mount.mountPoint, constants.W_OK);
    const there = readFileSync(join(mount.mountPoint, "cgroup.controllers"), "utf8").trim().split(" ");
    const missing = ["cpuset", "cpu", "io", "memory", "pids"].filter((one) => !there.includes(one));
    const detail = `version 2 at ${mount.mountPoint}: ${there.join(", ")}`;
    if (missing.length === 0) return [{ name, state: "ok", detail }, ...systemd];
    const problem = `${detail}; without ${missing.join(", ")}, limits that need it are refused`;
    return [
      { name, state: "degraded", detail: problem, remedy: "enable it in the cgroup.subtree_control above" },
      ...systemd,
    ];
  } catch (error) {
    const detail = `version 2, which cannot be used: ${describeError(error)}; limits of containers are refused`;
    return [{ name, state: "degraded", detail, remedy: `mount ${mount.mountPoint} writable` }, ...systemd];
  }
}
