// A program: has a machine whose guest spins, or waits for ever, and exits while it does: by itself, or by an error.
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { MicroVm } from "../../../src/vmm/micro-vm.js";
import { code, tinyKernel } from "../../support/tiny-guest.js";

const [guest, end] = process.argv.slice(2);
let told = (): void => undefined;
const begun = new Promise<void>((resolve) => (told = resolve));
const machine = new MicroVm(createLinuxSys(), {
  vcpus: 1,
  memoryMiB: 16,
  kernel: tinyKernel(code.say("on"), guest === "spins" ? code.spin() : code.halt()),
  commandLine: "",
  onConsole: () => told(),
});
await machine.start();
await begun;
if (end === "error") throw new Error("nobody catches this");
process.exit(7);
