import { writeSync } from "node:fs";
import { createLinuxSys } from "../sys/linux/index.js";
import type { ProbeMessage } from "./probe.js";
import { runKvmProbe } from "./run-probe.js";

// The program of the probing process. Each line must be out before the next thing is tried: that may never return.
const tell = (message: ProbeMessage) => writeSync(1, `${JSON.stringify(message)}\n`);
const failure = runKvmProbe(createLinuxSys().devices, process.argv[2] ?? "/dev/kvm", (step) => tell({ step }));
tell(failure === undefined ? { done: true } : { failure });
