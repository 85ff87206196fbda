import { kvmRequests } from "../../core/kvm/abi.js";
import type { Devices } from "../../core/sys/devices.js";

/** Of a `struct kvm_cpuid2`: bytes without entries, bytes of an entry, and the most entries that KVM takes. */
export const cpuidTable = { headerBytes: 8, entryBytes: 40, mostEntries: 256 } as const;

const { headerBytes, entryBytes, mostEntries } = cpuidTable;

/** Offsets in an entry. */
const at = { leaf: 0, index: 4, eax: 12, ebx: 16, ecx: 20, edx: 24 } as const;

/** Leaves that tell of one processor, or of how many there are (Intel SDM vol. 2, CPUID). */
const leaves = { features: 1, caches: 4, topology: 0xb, topologyV2: 0x1f } as const;

/** Bits of leaf 1's ECX: there is a hypervisor, and the local APIC's timer has deadlines. */
const underHypervisor = 2 ** 31;
const deadlineTimer = 1 << 24;

/** What the host's processors and KVM can give a guest: a `struct kvm_cpuid2`, the same for each of the guest's. */
export function supportedCpuid(devices: Devices, kvm: number): Uint8Array {
  const table = new Uint8Array(headerBytes + mostEntries * entryBytes);
  new DataView(table.buffer).setUint32(0, mostEntries, true);
  devices.ioctl(kvm, kvmRequests.getSupportedCpuid, table);
  return table;
}

/** The table for one of `count` processors, all cores of one package; `id` is that of its local APIC. */
export function cpuidOf(supported: Uint8Array, id: number, count: number): Uint8Array {
  const table = supported.slice();
  const view = new DataView(table.buffer);
  const entries = view.getUint32(0, true);
  for (let index = 0; index < entries; index++) adapt(view, headerBytes + index * entryBytes, id, count);
  return table;
}

function adapt(view: DataView, entry: number, id: number, count: number): void {
  const get = (field: number) => view.getUint32(entry + field, true);
  const set = (field: number, value: number) => view.setUint32(entry + field, value >>> 0, true);
  switch (get(at.leaf)) {
    case leaves.features:
      set(at.ebx, (get(at.ebx) & 0xffff) | ((count & 0xff) << 16) | ((id & 0xff) << 24));
      set(at.ecx, (get(at.ecx) | deadlineTimer | underHypervisor) >>> 0);
      return;
    case leaves.caches:
      // Caches are each core's own; the package has as many cores as there are processors.
      set(at.eax, (get(at.eax) & 0x3fff) | ((count - 1) << 26));
      return;
    case leaves.topology:
    case leaves.topologyV2:
      topology(get(at.index), { set, id, count });
      return;
  }
}

/** Levels of the topology: one thread a core, all cores in a package (leaf 0x0B). */
function topology(
  level: number,
  {
    set,
    id,
    count,
  }: { readonly set: (field: number, value: number) => void; readonly id: number; readonly count: number },
): void {
  const kinds = [1, 2];
  const bits = level === 0 ? 0 : Math.ceil(Math.log2(count));
  const known = level < kinds.length;
  set(at.eax, known ? bits : 0);
  set(at.ebx, known ? (level === 0 ? 1 : count) : 0);
  set(at.ecx, level | ((kinds[level] ?? 0) << 8));
  set(at.edx, id);
}
