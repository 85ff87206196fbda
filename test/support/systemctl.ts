import { execFileSync } from "node:child_process";

/** Properties of a unit as `systemctl show` has them. */
export function shown(unit: string, ...names: readonly string[]): Record<string, string> {
  const args = ["show", unit, ...names.map((name) => `--property=${name}`)];
  const lines = execFileSync("systemctl", args, { encoding: "utf8" }).trim().split("\n");
  return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s, 2)));
}

/** Has systemd look at all its units anew, after which it writes what it knows of them. */
export const reload = (): void => void execFileSync("systemctl", ["daemon-reload"]);

/** Names of the scopes and slices that systemd has loaded. */
export function loadedUnits(): string[] {
  const args = ["list-units", "--all", "--type=scope,slice", "--plain", "--no-legend"];
  const lines = execFileSync("systemctl", args, { encoding: "utf8" }).trim().split("\n");
  return lines.map((line) => line.split(/\s+/)[0] ?? "").filter((name) => name !== "");
}
