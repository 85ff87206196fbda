// Boots a kernel to its console, in this process: `node console.js KERNEL [INITRD [PARAMETERS]]`. Ends when the guest does.
import { readFileSync } from "node:fs";
import { createLinuxSys, MicroVm, probeKvm } from "kata-ts/vmm";

const [kernel, initrd, parameters = ""] = process.argv.slice(2);
if (kernel === undefined) throw new Error("which kernel?");
const { usable, reason } = await probeKvm();
if (!usable) throw new Error(reason);

const file = (name: string) => ({ name, bytes: readFileSync(name) });
const machine = new MicroVm(createLinuxSys(), {
  vcpus: 1,
  memoryMiB: 512,
  kernel: file(kernel),
  ...(initrd !== undefined && { initrd: file(initrd) }),
  commandLine: `console=ttyS0 reboot=t panic=-1 ${parameters}`,
  devices: [{ kind: "entropy", id: "entropy" }],
  onConsole: (bytes) => process.stdout.write(bytes),
});
process.stdin.on("data", (bytes) => machine.input(bytes)).unref();
try {
  await machine.start();
  const end = await machine.exited;
  console.error(`the machine has ended: ${end.kind}`);
} finally {
  await machine.stop();
}
