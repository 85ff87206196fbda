/**
 * A virtual machine in this process, on its own: KVM runs the guest's processors on threads of this process, one more serves
 * its devices. `kata-ts` uses it as the hypervisor `dragonball`.
 */

/** The machine: what it is made of, how it ends. */
export type { MicroVmEnd, MicroVmSpec, RestoredVmSpec } from "./machine-spec.js";
export { MicroVm } from "./micro-vm.js";
export type { ResizedMemory } from "./memory/pluggable-memory.js";
export type { BootFile } from "./boot/kernel/kernel-image.js";

/** What can be plugged into it. */
export type {
  BalloonSpec,
  CardSpec,
  DeviceSpec,
  DiskSpec,
  EntropySpec,
  MemorySpec,
  ShareSpec,
  VsockSpec,
} from "./threads/device-spec.js";

/** What the guest says of what was plugged in while it runs. */
export type { GuestDevice } from "./hotplug/guest-side.js";

/** Whether KVM runs guests here, and why not. */
export { probeKvm } from "../core/kvm/probe.js";

/** The kernel it all goes to. */
export { createLinuxSys } from "../core/sys/linux/index.js";
