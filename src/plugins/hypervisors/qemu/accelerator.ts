import type { KvmVerdict } from "../../../core/kvm/verdict-cache.js";
import { qemuErrors } from "./errors.js";

/** How the guest's code is run: by the CPU, or by translating it. */
export interface Accelerator {
  readonly kind: "kvm" | "tcg";
  /** Why it is that one. */
  readonly reason: string;
  /** What is left of `machine_accelerators`: further options of the machine, as QEMU takes them. */
  readonly machineOptions: readonly string[];
}

/**
 * Chooses KVM when it runs real guests and emulation when it does not. `machine_accelerators`, Kata's key for options of the
 * machine, may have the last word with `accel=tcg` or `accel=kvm`; the latter is `KATA_QEMU_NO_KVM` when it does not work.
 */
export async function chooseAccelerator(
  machineAccelerators: string,
  where: string,
  probe: () => Promise<KvmVerdict>,
): Promise<Accelerator> {
  const words = machineAccelerators
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
  const wanted = words.findLast((word) => word.startsWith("accel="))?.slice("accel=".length);
  const machineOptions = words.filter((word) => !word.startsWith("accel="));
  if (wanted === "tcg") return { kind: "tcg", reason: `machine_accelerators says so (${where})`, machineOptions };
  const { usable, reason } = await probe();
  if (usable) return { kind: "kvm", reason, machineOptions };
  if (wanted === "kvm") throw qemuErrors.KATA_QEMU_NO_KVM({ reason, where });
  return { kind: "tcg", reason, machineOptions };
}
