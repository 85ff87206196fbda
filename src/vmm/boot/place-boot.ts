import type { GeneralRegisters, SpecialRegisters } from "../../core/kvm/registers.js";
import { layout } from "../machine/layout.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import { placeAcpi } from "./acpi/place-acpi.js";
import { encodeBootParams } from "./boot-params.js";
import { addWords, placeCommandLine, virtioWords } from "./command-line.js";
import { type AddressRange, memoryMap } from "./e820.js";
import { placeInitrd } from "./initrd.js";
import type { BootFile } from "./kernel/kernel-image.js";
import { loadKernel } from "./kernel/load-kernel.js";
import type { MachineDescription } from "./machine-description.js";
import { placeMpTable } from "./mp-table.js";
import { placeStartTables, startGeneralRegisters, startSpecialRegisters } from "./start-state.js";

/** What a machine is started with. */
export interface BootPlan {
  readonly kernel: BootFile;
  readonly initrd?: BootFile | undefined;
  readonly commandLine: string;
  readonly machine: MachineDescription;
  /**
   * How the kernel finds its devices: by ACPI, or, for one that is built without it, by words that are added to its command
   * line. Never by both: a kernel that understands both would take each device twice. ACPI unless told.
   */
  readonly discovery?: "acpi" | "command-line" | undefined;
  /** What of the memory the kernel may use from the start; all of it unless told. */
  readonly usable?: readonly AddressRange[] | undefined;
}

/** What the first vCPU is started with. */
export interface PlacedBoot {
  readonly entry: number;
  readonly sregs: SpecialRegisters;
  readonly regs: GeneralRegisters;
  /** The command line as the kernel reads it. */
  readonly commandLine: string;
}

/**
 * Writes everything into a guest's new memory that its kernel finds when it starts: kernel, initrd, command line,
 * `boot_params`, tables of ACPI and MP, page and descriptor tables. Errors are those of the parts, `KATA_VMM_…`; after one
 * the memory is not to be started.
 */
export function placeBoot(memory: GuestMemory, plan: BootPlan): PlacedBoot {
  const { machine, discovery = "acpi", usable = memory.regions } = plan;
  const map = memoryMap(usable);
  const kernel = loadKernel(memory, plan.kernel);
  const initrd = plan.initrd === undefined ? undefined : placeInitrd(memory, plan.initrd, kernel);
  const words = discovery === "acpi" ? [] : virtioWords(machine.virtio);
  const commandLine = addWords(plan.commandLine, words);
  placeCommandLine(memory, commandLine, kernel.commandLineMax);
  placeMpTable(memory, machine);
  const acpiRootPointer = discovery === "acpi" ? placeAcpi(memory, machine) : undefined;
  const { setupHeader } = kernel;
  const params = encodeBootParams({ setupHeader, memoryMap: map, initrd, acpiRootPointer });
  memory.slice(layout.zeroPage, params.length).set(params);
  placeStartTables(memory);
  const regs = startGeneralRegisters(kernel.entry);
  return { entry: kernel.entry, sregs: startSpecialRegisters, regs, commandLine };
}
