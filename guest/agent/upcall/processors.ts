import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OpenFlag } from "../../../src/core/sys/open-flags.js";
import type { AgentRoots } from "../roots.js";
import { plugErrors } from "./errors.js";

/**
 * Takes processors into use or out of it, one after the other, and tells `done` of each. The machine numbers them as the
 * kernel does: local APICs are listed in the order of their ids, from 0 on. `KATA_GUEST_PROCESSOR_UNKNOWN` for one that is
 * not there, what the kernel says (EBUSY, EIO) for one that it cannot start or do without.
 */
export async function setProcessors(
  { sys }: Pick<AgentRoots, "sys">,
  { ids, online }: { readonly ids: readonly number[]; readonly online: boolean },
  done: () => void,
): Promise<void> {
  const wanted = online ? "1" : "0";
  for (const id of ids) {
    const directory = join(sys, "devices/system/cpu", `cpu${id}`);
    if (!existsSync(directory)) throw plugErrors.KATA_GUEST_PROCESSOR_UNKNOWN({ id });
    const file = join(directory, "online");
    // The first one may have no such file: it is always in use.
    const state = existsSync(file) ? (await readFile(file, "latin1")).trim() : "1";
    if (state !== wanted) await writeFile(file, wanted, { flag: OpenFlag.write });
    done();
  }
}
