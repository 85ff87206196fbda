import type { CheckContext, HostFinding } from "../../../core/plugin/host-check.js";
import { findExecutable } from "../../../core/process/find-executable.js";
import { programs } from "./make-ext4.js";

/** Whether there is what makes file systems, where volumes are to be disks. */
export function checkHost({ config }: CheckContext): Promise<readonly HostFinding[]> {
  if (config.runtime.emptydir_mode !== "block-plain") return Promise.resolve([]);
  const findings = programs.map((name): HostFinding => {
    const path = findExecutable(name);
    if (path !== undefined) return { name, state: "ok", detail: path };
    const detail = 'not found; disks of emptyDir volumes are made by it (emptydir_mode = "block-plain")';
    return {
      name,
      state: "missing",
      detail,
      remedy: "apt-get install e2fsprogs",
    };
  });
  return Promise.resolve(findings);
}
