import { readdirSync, readFileSync } from "node:fs";
import { createLinuxSys } from "../src/core/sys/linux/index.js";
import { familyOf } from "./process-memory.js";

const sys = createLinuxSys();

/**
 * Gives every QEMU that this process has started the same places: its virtual CPUs run on the last CPU that we have, all else
 * of it on the first. The scheduler decides from what a machine did before whether its threads share a CPU, and keeps to it;
 * a packet that wakes a thread of another CPU takes half again as long, whoever has set the network up.
 */
export function pinMachines(): void {
  const cpus = sys.processes.affinity(0);
  const machines = familyOf(process.pid).filter((pid) => nameOf(String(pid)).startsWith("qemu-system"));
  for (const machine of machines) {
    for (const thread of readdirSync(`/proc/${machine}/task`)) {
      const runsGuest = nameOf(`${machine}/task/${thread}`).startsWith("CPU ");
      sys.processes.setAffinity(Number(thread), [(runsGuest ? cpus.at(-1) : cpus[0]) ?? 0]);
    }
  }
}

const nameOf = (task: string): string => readFileSync(`/proc/${task}/comm`, "utf8").trim();
