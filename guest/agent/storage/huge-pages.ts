import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Storage } from "../../../src/core/proto/gen/kata/agent.js";
import { codeOf } from "../../../src/core/errors/error.js";
import { agentErrors, badArgument } from "../errors.js";
import type { AgentRoots } from "../roots.js";
import { takeOption } from "./options.js";

/** Huge pages that a storage may hold. */
export interface HugePages {
  readonly pageBytes: number;
  readonly count: number;
}

const unitBytes: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

function bytesOf(field: string, text: string): number {
  const [, digits, unit = ""] = /^(\d{1,15})([kmg])?$/i.exec(text) ?? [];
  if (digits === undefined) throw badArgument(field, text, "a size like 2M");
  return Number(digits) * (unitBytes[unit.toLowerCase()] ?? 1);
}

/** How many pages are to be set aside for a storage; undefined when it has none, or does not say. */
export function hugePagesOf({ fstype, options }: Pick<Storage, "fstype" | "options">): HugePages | undefined {
  const page = takeOption(options, "pagesize").value;
  const size = takeOption(options, "size").value;
  if (fstype !== "hugetlbfs" || page === undefined || size === undefined) return undefined;
  const pageBytes = bytesOf("the storage option pagesize", page);
  if (pageBytes === 0) throw badArgument("the storage option pagesize", page, "a size like 2M");
  return { pageBytes, count: Math.ceil(bytesOf("the storage option size", size) / pageBytes) };
}

/**
 * Sets pages aside (1), or gives them back (-1). More than there is memory for is `KATA_GUEST_HUGE_PAGES`, and none: the
 * kernel would take what it finds, from what runs.
 */
export async function changeHugePages(
  roots: Pick<AgentRoots, "sys" | "proc">,
  { pageBytes, count }: HugePages,
  direction: 1 | -1,
): Promise<void> {
  const file = join(roots.sys, "kernel/mm/hugepages", `hugepages-${pageBytes / 1024}kB`, "nr_hugepages");
  const there = Number(await readText(file, pageBytes));
  const wanted = Math.max(0, there + direction * count);
  if (direction === 1) {
    const most = Math.floor((await availableBytes(roots)) / pageBytes);
    if (most < count) throw agentErrors.KATA_GUEST_HUGE_PAGES({ pageBytes, wanted: count, made: most });
  }
  await writeFile(file, String(wanted));
  const made = Number(await readText(file, pageBytes));
  if (direction === -1 || made >= wanted) return;
  await writeFile(file, String(there));
  throw agentErrors.KATA_GUEST_HUGE_PAGES({ pageBytes, wanted: count, made: made - there });
}

async function readText(file: string, pageBytes: number): Promise<string> {
  try {
    return await readFile(file, "latin1");
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT") throw cause;
    throw agentErrors.KATA_GUEST_HUGE_PAGES({ pageBytes, wanted: 0, made: 0 }, { cause });
  }
}

async function availableBytes({ proc }: Pick<AgentRoots, "proc">): Promise<number> {
  const kib = /^MemAvailable: +(\d+) kB$/m.exec(await readFile(join(proc, "meminfo"), "latin1"))?.[1];
  return Number(kib ?? 0) * 1024;
}
