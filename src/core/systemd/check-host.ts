import { existsSync } from "node:fs";
import type { HostFinding } from "../plugin/host-check.js";
import { findBusctl } from "./bus-client.js";

/** Whether systemd can be asked for units where it runs the host; nothing where it does not. */
export function checkSystemd(mark: string, searchPath?: string): readonly HostFinding[] {
  if (!existsSync(mark)) return [];
  const name = "systemd";
  const program = findBusctl(searchPath);
  if (program !== undefined) return [{ name, state: "ok", detail: `runs this host, and is asked by ${program}` }];
  const detail = "runs this host, and there is no busctl: cgroups that are named in its form are refused";
  return [{ name, state: "degraded", detail, remedy: "install busctl, which is a part of systemd" }];
}
