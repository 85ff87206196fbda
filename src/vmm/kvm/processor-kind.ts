import { cpuidTable } from "./cpuid.js";

/** Offsets in a `struct kvm_cpuid_entry2`. */
const at = { leaf: 0, index: 4, eax: 12, ebx: 16, ecx: 20, edx: 24 } as const;

/**
 * Leaves that say what a processor is and can do, with those of their registers that are the same whichever processor of a
 * host is asked (Intel SDM vol. 2, CPUID): its maker, its model and features; further features; more features of AMD's.
 */
const telling: ReadonlyMap<number, readonly ("eax" | "ebx" | "ecx" | "edx")[]> = new Map([
  [0, ["ebx", "ecx", "edx"]],
  [1, ["eax", "ecx", "edx"]],
  [7, ["ebx", "ecx", "edx"]],
  [0x80000001, ["ecx", "edx"]],
]);

/** What the host's processors and KVM give a guest, as a word: guests move between hosts that have the same one. */
export function processorKind(supported: Uint8Array): string {
  const view = new DataView(supported.buffer, supported.byteOffset, supported.byteLength);
  const parts: string[] = [];
  for (let index = 0; index < view.getUint32(0, true); index++) {
    const entry = cpuidTable.headerBytes + index * cpuidTable.entryBytes;
    const leaf = view.getUint32(entry + at.leaf, true);
    if (view.getUint32(entry + at.index, true) !== 0) continue;
    for (const name of telling.get(leaf) ?? []) {
      parts.push(
        view
          .getUint32(entry + at[name], true)
          .toString(16)
          .padStart(8, "0"),
      );
    }
  }
  return parts.join("-");
}
