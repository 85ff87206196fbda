import { kvmExitName, kvmExits, kvmIoOut, kvmRequests, kvmRunOffsets } from "../../core/kvm/abi.js";
import { errnoNameOf } from "../../core/sys/sys-error.js";
import type { Sys } from "../../core/sys/sys.js";
import { isDevicePort } from "../machine/layout.js";
import type { BusCaller } from "./bus-call.js";
import type { InterruptStatus } from "./interrupt-status.js";
import { kickSignal, type VcpuControl, vcpuStates } from "./vcpu-control.js";

/** Why a vCPU runs no more. */
export type VcpuEnd =
  | { readonly kind: "stopped" }
  /** A triple fault, or what the kernel does when it panics before it has anything better. */
  | { readonly kind: "shutdown" }
  | { readonly kind: "failed"; readonly why: string };

/** What a vCPU is run with. */
export interface VcpuParts {
  readonly sys: Pick<Sys, "devices" | "threads">;
  readonly fd: number;
  /** What it shares with KVM: `struct kvm_run`. */
  readonly state: Uint8Array;
  readonly bus: BusCaller;
  readonly interrupts: InterruptStatus;
  readonly control: VcpuControl;
}

/** Runs a vCPU until it ends. Blocks the thread, which must be its own. */
export function runVcpu(parts: VcpuParts): VcpuEnd {
  const { sys, fd, state, control } = parts;
  const view = new DataView(state.buffer, state.byteOffset, state.byteLength);
  for (;;) {
    const { wanted } = control;
    if (wanted === vcpuStates.stop) return { kind: "stopped" };
    const pausing = wanted === vcpuStates.pause;
    // KVM ends the access of the last exit only when it is entered again. Told to leave at once it does nothing else: then the
    // vCPU is between two instructions, and all of its state can be read. An access that is not over has a further exit.
    if (pausing) state[kvmRunOffsets.immediateExit] = 1;
    if (!enterGuest(sys, fd, state)) {
      if (pausing) control.pause();
      continue;
    }
    const end = handleExit(view, parts);
    if (end !== undefined) return end;
  }
}

/** Runs the guest up to an exit; false when a kick has brought it out. */
function enterGuest(sys: VcpuParts["sys"], fd: number, state: Uint8Array): boolean {
  try {
    sys.devices.ioctl(fd, kvmRequests.run);
    return true;
  } catch (error) {
    const errno = errnoNameOf(error);
    if (errno !== "EINTR" && errno !== "EAGAIN") throw error;
    state[kvmRunOffsets.immediateExit] = 0;
    sys.threads.take(kickSignal);
    return false;
  }
}

function handleExit(view: DataView, parts: VcpuParts): VcpuEnd | undefined {
  const reason = view.getUint32(kvmRunOffsets.exitReason, true);
  switch (reason) {
    case kvmExits.mmio:
      handleMemory(view, parts);
      return undefined;
    case kvmExits.io:
      handlePort(view, parts);
      return undefined;
    case kvmExits.interrupted:
      return undefined;
    case kvmExits.shutdown:
      return { kind: "shutdown" };
    case kvmExits.systemEvent:
      return { kind: "shutdown" };
    default: {
      const suberror = view.getUint32(kvmRunOffsets.suberror, true);
      const detail = reason === kvmExits.internalError || reason === kvmExits.failEntry ? ` ${suberror}` : "";
      return { kind: "failed", why: `KVM_RUN ended with ${kvmExitName(reason)}${detail}` };
    }
  }
}

function handleMemory(view: DataView, { bus, interrupts }: VcpuParts): void {
  const address = Number(view.getBigUint64(kvmRunOffsets.mmioAddress, true));
  const length = Math.min(view.getUint32(kvmRunOffsets.mmioLength, true), 8);
  const isWrite = view.getUint8(kvmRunOffsets.mmioIsWrite) === 1;
  const data = new Uint8Array(view.buffer, view.byteOffset + kvmRunOffsets.mmioData, length);
  if (interrupts.access(address, isWrite, data)) return;
  bus.call({ space: "memory", isWrite, address }, data);
}

function handlePort(view: DataView, { bus }: VcpuParts): void {
  const address = view.getUint16(kvmRunOffsets.ioPort, true);
  const size = view.getUint8(kvmRunOffsets.ioSize);
  const count = view.getUint32(kvmRunOffsets.ioCount, true);
  const isWrite = view.getUint8(kvmRunOffsets.ioDirection) === kvmIoOut;
  // 64 bits, of which what is mapped needs few.
  const start = view.byteOffset + view.getUint32(kvmRunOffsets.ioDataOffset, true);
  // What nobody is to be asked for is answered here: kernels look for devices at hundreds of ports that are no device's.
  if (!isDevicePort(address, size)) {
    if (!isWrite) new Uint8Array(view.buffer, start, count * size).fill(0xff);
    return;
  }
  for (let index = 0; index < count; index++) {
    bus.call({ space: "port", isWrite, address }, new Uint8Array(view.buffer, start + index * size, size));
  }
}
