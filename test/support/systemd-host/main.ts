// Runs a command on a host that systemd runs (`systemd-host.ts`): `main.js -- COMMAND …`.
import { parseArgs } from "node:util";
import { SystemdHost, whyNoSystemdHost } from "./systemd-host.js";

const { positionals } = parseArgs({ allowPositionals: true });
const problem = whyNoSystemdHost();
if (problem !== undefined) throw new Error(problem);
const passed = /^(?:PATH|HOME|TMPDIR|CI|KATA_TS_.*)$/;
const variables = Object.entries(process.env).filter(([name]) => passed.test(name));
const host = await SystemdHost.start();
try {
  process.exitCode = host.run(positionals, Object.fromEntries(variables.map(([name, value]) => [name, value ?? ""])));
} finally {
  await host.close();
}
