import { readFileSync, writeSync } from "node:fs";
import { describeError } from "../../src/core/errors/error.js";
import { createLinuxSys } from "../../src/core/sys/linux/index.js";
import { createAgent } from "./agent.js";
import { ContainerCgroup } from "./container/cgroup.js";
import { Crun } from "./container/crun.js";
import { createAgentLog } from "./log/agent-log.js";
import { LogOutput } from "./log/log-output.js";
import { KernelModules } from "./machine/kernel-modules.js";
import { setLoopbackUp } from "./machine/loopback.js";
import { endMachine, obeyPowerSignals } from "./machine/power.js";
import { parseAgentOptions } from "./options.js";
import { findTransports, serveAll } from "./ports/serve-ports.js";
import { Programs } from "./programs.js";
import { Reaper } from "./reaper.js";
import { guestRoots } from "./roots.js";
import { servePlugging } from "./upcall/serve-plugging.js";

/** The guest's first process: serves the host, and does what a first process must. */
export async function main(): Promise<void> {
  const sys = createLinuxSys();
  const roots = guestRoots;
  const options = parseAgentOptions(readFileSync(`${roots.proc}/cmdline`, "utf8"));
  const output = new LogOutput((line) => void writeSync(2, `${line}\n`));
  const log = createAgentLog((level, line) => output.write(level, line), options.logLevel);

  process.once("uncaughtException", (error) => {
    log.error("the agent failed, and the machine ends with it", { error: describeError(error), stack: error.stack });
    // When that fails too nobody catches it: the first process ends, and the kernel with it.
    void endMachine(sys.machine, "power-off");
  });
  obeyPowerSignals(sys.machine, log);

  const reaper = new Reaper(sys.processes, log);
  reaper.start();
  const programs = new Programs(sys, reaper);
  const modules = new KernelModules(programs, roots);
  const runtime = new Crun(programs, roots);
  const cgroup = (id: string) => new ContainerCgroup(roots, id);
  const { hotplugTime } = options;
  const agent = createAgent({ sys, roots, log, reaper, programs, modules, runtime, cgroup, hotplugTime });

  const transports = await findTransports({ sys, roots, log }, options.port);
  serveAll(transports, options.port, (stream, transport) => agent.server.serve(stream, `the host (${transport})`));
  log.info("the agent serves", { over: transports.map(({ name }) => name), uptime: process.uptime() });
  if (options.logPort !== 0) serveAll(transports, options.logPort, (stream) => output.attach(stream));
  servePlugging({ roots, modules, log }, transports);
  if (options.ignored.length > 0)
    log.warn("words of the kernel command line that mean nothing", { words: options.ignored });
  try {
    setLoopbackUp(sys);
  } catch (error) {
    log.error("the loopback interface cannot be set up", { error: describeError(error) });
  }
}
