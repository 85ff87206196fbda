import { defineErrors } from "../../../core/errors/error.js";

const said = (lines: readonly string[]) => (lines.length === 0 ? "it said nothing" : `it said: ${lines.join(" | ")}`);

const awaited = (sockets: readonly string[]) =>
  sockets.length === 0 ? "" : `; what serves its cards has to answer first, on ${sockets.join(", ")}`;

const keys = "[hypervisor.qemu] path and kernel set them";

/** What QEMU says when the host does not give it the guest's memory (`softmmu/physmem.c`, `util/oslib-posix.c`). */
const noMemory = /guest (memory|RAM)/;

/** Keys that what it said is about. */
const keysOf = (lines: readonly string[]) =>
  lines.some((line) => noMemory.test(line))
    ? "[hypervisor.qemu] default_memory sets how much memory the guest has, enable_hugepages and hugepage_type what of"
    : keys;

export const qemuErrors = defineErrors({
  KATA_QEMU_MISSING: {
    status: "FAILED_PRECONDITION",
    message: (p: { program: string; where: string }) =>
      `no QEMU: ${p.program} is not an executable program; set [hypervisor.qemu] path (${p.where}), or install Debian's package qemu-system-x86`,
  },
  KATA_QEMU_NO_KVM: {
    status: "FAILED_PRECONDITION",
    message: (p: { reason: string; where: string }) =>
      `[hypervisor.qemu] machine_accelerators asks for accel=kvm (${p.where}), but ${p.reason}`,
  },
  KATA_QEMU_START: {
    status: "UNAVAILABLE",
    message: (p: {
      program: string;
      kernel: string;
      step: string;
      lines: readonly string[];
      /** Sockets whose programs QEMU waits for before anything else. */
      sockets: readonly string[];
    }) =>
      `${p.program} did not start the kernel ${p.kernel} (${p.step}); ${said(p.lines)}; ${keys}${awaited(p.sockets)}`,
  },
  KATA_QEMU_EXITED: {
    status: "UNAVAILABLE",
    message: (p: { program: string; kernel: string; how: string; lines: readonly string[] }) =>
      `${p.program} ended (${p.how}) before it ran the kernel ${p.kernel}; ${said(p.lines)}; ${keysOf(p.lines)}`,
  },
  KATA_QEMU_GONE: {
    status: "UNAVAILABLE",
    message: (p: { sandbox: string }) =>
      `the QEMU of the sandbox "${p.sandbox}" does not run any more, so there is nothing to take over`,
  },
  KATA_QEMU_ADOPT: {
    status: "UNAVAILABLE",
    message: (p: { sandbox: string; pid: number }) =>
      `the QEMU of the sandbox "${p.sandbox}" (pid ${p.pid}) runs, and cannot be taken over`,
  },
  KATA_QEMU_NO_CID: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: { tries: number }) =>
      `no free vsock context id found in ${p.tries} tries; are there that many machines, or is /dev/vhost-vsock broken?`,
  },
  KATA_QEMU_DEVICE_STAYS: {
    status: "UNAVAILABLE",
    message: (p: { id: string; ms: number }) =>
      `the guest has not let go of the device "${p.id}" within ${p.ms} ms, so it stays in the machine; its kernel has to answer, which one that is paused or hangs does not`,
  },
  KATA_QEMU_GUEST_REFUSES: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: { what: string; slot: number; action: string; status: number }) =>
      `the guest does not ${p.action} the ${p.what} in slot ${p.slot}: its answer is status ${p.status} of _OST; its console says why`,
  },
  KATA_QEMU_BUS_FULL: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: { bus: string; slots: number; remedy: string }) => {
      const setting = p.remedy === "" ? "" : `, or set [hypervisor.qemu] ${p.remedy}`;
      return `all ${p.slots} slots of the machine's ${p.bus} are taken; give the pod fewer links, disks and shares${setting}`;
    },
  },
});
