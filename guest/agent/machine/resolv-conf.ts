import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Sys } from "../../../src/core/sys/sys.js";
import { badArgument } from "../errors.js";
import { type AgentRoots, containersDirectory } from "../roots.js";

const lineLimit = 1024;

/** Keeps the sandbox's resolv.conf for its containers, and has the guest itself use it where it has such a file. */
export async function keepResolvConf(
  sys: Pick<Sys, "mounts">,
  roots: AgentRoots,
  lines: readonly string[],
): Promise<void> {
  for (const line of lines) {
    if (line.length > lineLimit || line.includes("\n")) throw badArgument("dns", line, "one short line of resolv.conf");
  }
  if (lines.length === 0) return;
  const file = join(containersDirectory(roots), "sandbox/resolv.conf");
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o644 });
  const own = "/etc/resolv.conf";
  if (process.pid === 1 && existsSync(own)) await sys.mounts.bind(file, own);
}
