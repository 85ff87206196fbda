import type { VmSpec } from "../../../core/contracts/hypervisor.js";
import type { HypervisorOptions } from "../../../core/hypervisor/hypervisor-options.js";
import { Child } from "../../../core/process/child.js";
import type { ProcessNote } from "../../../core/sandbox/record.js";
import type { QemuCommand } from "./command.js";

/** QEMU's process, and its note in the sandbox's record, which does not have its pid yet. */
export interface SpawnedQemu {
  readonly child: Child;
  readonly note: ProcessNote;
}

/** Starts QEMU's process where the machine is to be, and notes it before it is there; nothing of an error's stays noted. */
export async function spawnQemu(
  { sandbox, sys, log }: Pick<HypervisorOptions, "sandbox" | "sys" | "log">,
  program: string,
  { args, fds }: Pick<QemuCommand, "args" | "fds">,
  { selinuxLabel, networkNamespace }: Pick<VmSpec, "selinuxLabel" | "networkNamespace">,
): Promise<SpawnedQemu> {
  const note = sandbox.record.process("qemu");
  try {
    const child = await Child.spawn({
      name: "QEMU",
      command: program,
      args,
      fds,
      env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C.UTF-8", ...note.env },
      onLine: (line) => log.info(line, { source: "qemu" }),
      ...(selinuxLabel !== undefined && { selinuxLabel }),
      ...(networkNamespace !== undefined && {
        around: <T>(act: () => T) => sys.namespaces.inNetworkNamespace(networkNamespace, act),
      }),
    });
    return { child, note };
  } catch (error) {
    note.ended();
    throw error;
  }
}
