// Runs a command in a host machine (`host-vm.ts`): `main.js [--out DIRECTORY] [--memory MIB] [--seconds N] -- COMMAND …`.
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runInHostVm } from "./host-vm.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string" },
    memory: { type: "string", default: "6144" },
    seconds: { type: "string", default: "1200" },
  },
});
if (positionals.length === 0) throw new Error("no command: … -- COMMAND [ARGUMENT …]");

/** What of the environment the command gets; certificates named here would be parsed at every start of Node, for nothing. */
const passed = /^(?:PATH|HOME|CI|KATA_TS_.*)$/;

const scratch = mkdtempSync(join(tmpdir(), "kata-ts-out-"));
try {
  process.exitCode = await runInHostVm({
    command: positionals,
    directory: process.cwd(),
    env: Object.fromEntries(
      Object.entries(process.env).flatMap(([name, value]) =>
        passed.test(name) && value !== undefined ? [[name, value]] : [],
      ),
    ),
    out: realpathSync(values.out ?? scratch),
    memoryMiB: Number(values.memory),
    cpus: 2,
    ms: Number(values.seconds) * 1000,
  });
} finally {
  rmSync(scratch, { recursive: true });
}
