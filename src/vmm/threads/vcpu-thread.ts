// The program of a vCPU's thread.
import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../../core/errors/error.js";
import { kvmRequests } from "../../core/kvm/abi.js";
import { createVcpuSys, type VcpuSys } from "../../core/sys/linux/vcpu-sys.js";
import { BusCaller } from "./bus-call.js";
import { InterruptStatus } from "./interrupt-status.js";
import { kickSignal, VcpuControl } from "./vcpu-control.js";
import { runVcpu, type VcpuEnd } from "./vcpu-loop.js";

/** What the thread is given. Descriptors stay the machine's. */
export interface VcpuThreadData {
  readonly id: number;
  readonly fd: number;
  /** Bytes of `struct kvm_run` with what follows it. */
  readonly stateSize: number;
  readonly call: SharedArrayBuffer;
  /** Eventfd that wakes the thread which serves devices. */
  readonly wake: number;
  readonly interrupts: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
}

/** Has KVM let the kick through, and nothing else be changed, while the guest runs. */
function letKickThrough(sys: VcpuSys, fd: number): void {
  const mask = new Uint8Array(4 + 8);
  new DataView(mask.buffer).setUint32(0, 8, true);
  sys.devices.ioctl(fd, kvmRequests.setSignalMask, mask);
}

function run({ id, fd, stateSize, call, wake, interrupts, control: shared }: VcpuThreadData): VcpuEnd {
  const sys = createVcpuSys();
  sys.threads.name(`kata-vcpu${id}`);
  sys.threads.hold(kickSignal);
  letKickThrough(sys, fd);
  const control = new VcpuControl(shared);
  const state = sys.devices.map({ fd, length: stateSize, write: true });
  try {
    control.begin(sys.threads.id());
    const bus = new BusCaller(call, () => sys.descriptors.addEventfd(wake));
    const parts = { sys, fd, state: state.bytes, bus, interrupts: new InterruptStatus(interrupts), control };
    return runVcpu(parts);
  } catch (error) {
    return { kind: "failed", why: messageOf(error) };
  } finally {
    state.unmap();
    control.end();
  }
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort?.postMessage(run(workerData as VcpuThreadData));
