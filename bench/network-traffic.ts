import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { TestPod } from "../test/support/test-pod.js";
import { BareShell } from "./bare-shell.js";
import { ContainerShell } from "./container-shell.js";
import { pinMachines } from "./pin-machines.js";
import type { Row } from "./row.js";
import type { Shell } from "./shell.js";
import { rowsOfBoots } from "./row-of-boots.js";
import { inTurns } from "./turns.js";

const rounds = 6;
/** Machines of each side. */
const boots = 7;
const memoryMiB = 512;
const block = 65_536;
/** Bytes of one transfer. */
const size = 160 * block;
const pings = 40;

/** Milliseconds in which the host has received all of a transfer, from its first byte to its last. */
async function transferTime(pod: TestPod, shell: Shell): Promise<number> {
  const program = fileURLToPath(new URL("sink.js", import.meta.url));
  const sink = pod.sys.namespaces.inNetworkNamespace(pod.host, () =>
    spawn(process.execPath, [program, String(size)], { stdio: ["ignore", "pipe", "inherit"] }),
  );
  const lines = sink.stdout.setEncoding("utf8");
  const [port] = (await once(lines, "data")) as [string];
  const told = once(lines, "data") as Promise<[string]>;
  await shell.run(`dd if=/dev/zero bs=${block} count=${size / block} 2>/dev/null | nc 10.1.1.1 ${port.trim()}`);
  return Number((await told)[0]);
}

/** Milliseconds of a packet to the host and back. */
async function roundTripTime(shell: Shell): Promise<number> {
  const text = await shell.run(`ping -c ${pings} -i 0.02 -q 10.1.1.1`);
  return Number(/min\/avg\/max = [\d.]+\/([\d.]+)\//.exec(text)?.[1]);
}

/** Boots one machine of each side, and measures both in turns. */
async function timesOfBoot(number: number) {
  const [ownPod, barePod] = [new TestPod(), new TestPod()];
  const shells: Shell[] = [];
  try {
    const keys = { default_memory: memoryMiB };
    const own = await ContainerShell.start({ name: `traffic${number}`, keys, network: ownPod.namespace });
    shells.push(own);
    const bare = await BareShell.boot({ memoryMiB, pod: barePod });
    shells.push(bare);
    pinMachines();
    return await inTurns(rounds, {
      ownTransfer: () => transferTime(ownPod, own),
      bareTransfer: () => transferTime(barePod, bare),
      ownTrip: () => roundTripTime(own),
      bareTrip: () => roundTripTime(bare),
    });
  } finally {
    for (const shell of shells) await shell.close();
    for (const pod of [ownPod, barePod]) pod.close();
  }
}

/** TCP from a pod to its host, and a packet there and back, against a bare QEMU on a tap that was set up by hand. */
export async function run(): Promise<Row[]> {
  const row = await rowsOfBoots(boots, timesOfBoot, "bare QEMU");
  const transfer = `time for ${Math.round(size / 1e6)} MB by TCP, pod to host`;
  return [
    row(transfer, "ms", ["ownTransfer", "bareTransfer"], 1 / 0.97),
    row("round trip, pod to host", "ms", ["ownTrip", "bareTrip"], 1.05),
  ];
}
