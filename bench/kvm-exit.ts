import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { kvmRequests, kvmSregs } from "../src/core/kvm/abi.js";
import { encodeGeneralRegisters, writeSpecialRegisters } from "../src/core/kvm/registers.js";
import { createLinuxSys } from "../src/core/sys/linux/index.js";
import { describeMachine } from "../src/vmm/boot/machine-description.js";
import { placeBoot } from "../src/vmm/boot/place-boot.js";
import { KvmMachine } from "../src/vmm/kvm/kvm-machine.js";
import { ports } from "../src/vmm/machine/layout.js";
import { createGuestRam } from "../src/vmm/memory/guest-ram.js";
import { MicroVm } from "../src/vmm/micro-vm.js";
import { code, tinyKernel } from "../test/support/tiny-guest.js";
import type { Row } from "./row.js";
import { inTurns, median } from "./turns.js";

const rounds = 9;
const memoryMiB = 16;
/** Exits of a long and of a short run: what one costs is in what they differ by, and neither's start is. */
const exits = { long: 50_500, short: 500 };

/** A port that the processor's own thread answers for, as it does for registers of interrupts. */
const port = 0x80;

const sys = createLinuxSys();
const kernel = (count: number) => tinyKernel(code.outs(port, count), code.powerOff(), code.halt());

/** Milliseconds of a guest in a machine of ours. */
async function ownTime(count: number): Promise<number> {
  const machine = new MicroVm(sys, { vcpus: 1, memoryMiB, kernel: kernel(count), commandLine: "" });
  try {
    await machine.start();
    const begin = performance.now();
    const end = await machine.exited;
    if (end.kind !== "powered off") throw new Error(`the guest ended otherwise: ${JSON.stringify(end)}`);
    return performance.now() - begin;
  } finally {
    await machine.stop();
  }
}

/** The same guest in a program in C. */
class CompiledLoop {
  readonly #directory = mkdtempSync(join(tmpdir(), "kata-bench-"));
  readonly #program = join(this.#directory, "loop");

  constructor() {
    const source = fileURLToPath(new URL("../../bench/kvm-exit.c", import.meta.url));
    execFileSync("cc", ["-O2", "-o", this.#program, source]);
    const machine = new KvmMachine(sys);
    const vcpu = machine.createVcpu(0);
    const special = new Uint8Array(kvmSregs.size);
    sys.devices.ioctl(vcpu, kvmRequests.getSregs, special);
    for (const [length, count] of Object.entries(exits)) this.#write(length, count, special);
    sys.descriptors.close(vcpu);
    machine.close();
  }

  /** Milliseconds. */
  time(length: keyof typeof exits): number {
    const files = ["memory", "regs", "sregs"].map((name) => join(this.#directory, `${length}-${name}`));
    const text = execFileSync(this.#program, [...files, String(ports.power.first)], { encoding: "utf8" });
    return Number(text) / 1e6;
  }

  close(): void {
    rmSync(this.#directory, { recursive: true });
  }

  /** What the machine in C starts with. */
  #write(length: string, count: number, special: Uint8Array): void {
    const ram = createGuestRam(sys, memoryMiB * 2 ** 20);
    try {
      const machine = describeMachine({ processors: [{ id: 0, enabled: true }], virtio: [] });
      const { regs, sregs } = placeBoot(ram.memory, { kernel: kernel(count), commandLine: "", machine });
      writeSpecialRegisters(special, sregs);
      const write = (name: string, bytes: Uint8Array) =>
        writeFileSync(join(this.#directory, `${length}-${name}`), bytes);
      write("memory", ram.memory.slice(0, memoryMiB * 2 ** 20));
      write("regs", encodeGeneralRegisters(regs));
      write("sregs", special);
    } finally {
      ram.close();
    }
  }
}

/** An exit of a guest and the way back into it, against the same by a program in C. */
export async function run(): Promise<Row[]> {
  const compiled = new CompiledLoop();
  try {
    const times = await inTurns(rounds, {
      ownLong: () => ownTime(exits.long),
      compiledLong: () => compiled.time("long"),
      ownShort: () => ownTime(exits.short),
      compiledShort: () => compiled.time("short"),
    });
    const microseconds = (long: number[], short: number[]) =>
      ((median(long) - median(short)) * 1000) / (exits.long - exits.short);
    const value = microseconds(times.ownLong, times.ownShort);
    const against = { name: "a program in C", value: microseconds(times.compiledLong, times.compiledShort) };
    const ratio = value / against.value;
    return [{ name: "exit of a guest and back", value, unit: "us", against, ratio, limit: 1.1 }];
  } finally {
    compiled.close();
  }
}
