import type { AttachedDevice, Device } from "./device.js";
import type { GuestAddress } from "./guest-address.js";

/** What a VM is started with. Sizes may be changed later by the `resize` capability only. */
export interface VmSpec {
  /** Its sizes stay: nothing is set aside for more, and it has no capability `resize`. */
  readonly fixedSize?: boolean;
  /** Virtual CPUs at boot, at least 1. */
  readonly vcpus: number;
  /** Memory at boot, in MiB. */
  readonly memoryMiB: number;
  /** Words added to the kernel command line, after the hypervisor's own. */
  readonly kernelParameters: readonly string[];
  /** Path of the network namespace the VMM runs in; the caller's own when absent. */
  readonly networkNamespace?: string;
  /** SELinux exec label of the VMM process. */
  readonly selinuxLabel?: string;
  /**
   * A directory that the capability `snapshot` has written, and finds fitting: the VM goes on from there instead of booting;
   * devices that were added are plugged into it. Its guest is a copy, and does not know: it must be given the time and
   * random numbers before anything else.
   */
  readonly from?: string;
}

/** How a VM ended. */
export interface VmExit {
  /** Exit code of the VMM; -1 when it was ended by `signal`, or nobody could see how: it was adopted. */
  readonly code: number;
  readonly signal?: string;
  /** What is known of the guest's part in it, after "the virtual machine ended by itself": "its guest reset it". */
  readonly why?: string;
  /** True when `stop` or `destroy` was called before; everything else is a failure. */
  readonly expected: boolean;
}

/** Capabilities a hypervisor may have beyond its core, by name. */
export interface HypervisorCapabilities {
  /**
   * vCPUs and memory of a running VM. Before `start` it tells whether one of this configuration has it. Both answer what the VM
   * has afterwards: less than asked when its guest has not taken it in time, more when the guest has not let go, or when memory
   * comes in pieces. They reject when the hypervisor or the guest refuses; the VM then has what it had, or some of it.
   */
  resize: {
    /** The most there can be; below that it is up to the host and the guest. */
    readonly most: { readonly vcpus: number; readonly memoryMiB: number };
    /** What the running VM has now, whoever gave it that. Rejects when the hypervisor cannot tell. */
    size(): Promise<{ readonly vcpus: number; readonly memoryMiB: number }>;
    vcpus(count: number): Promise<number>;
    memoryMiB(size: number): Promise<number>;
  };
  /** Stops and continues all vCPUs. */
  pause: { pause(): Promise<void>; resume(): Promise<void> };
  /** Saves VMs, and starts others from there (`VmSpec.from`). */
  snapshot: {
    /** Before `start`: why a VM with this configuration is neither saved nor a copy, in words; undefined when it can be. */
    refusal(spec: VmSpec): string | undefined;
    /** Writes a paused VM, to which no device was added, to a directory that is there. An error leaves nothing. */
    save(directory: string): Promise<void>;
    /**
     * Before `start`: why this VM cannot go on from that directory, in words; undefined when it can. Whatever is wrong there,
     * damage too, is a reason and no error.
     */
    misfit(directory: string, spec: VmSpec): Promise<string | undefined>;
  };
  /** Takes `block` devices while running. */
  "block-hotplug": { readonly drivers: readonly string[] };
  /** Has a disk of the running VM have so many bytes, no fewer than it had: a file is made as large. Its guest is told. */
  "disk-resize": { resize(id: string, bytes: number): Promise<void> };
  /** Takes `net` devices while running, and `vhost-user-net` where it has those. */
  "net-hotplug": { readonly queuePairs: number };
  /** Takes `fs` devices. */
  "fs-sharing": { readonly hotplug: boolean };
  /**
   * A VM that outlives the process that started it, and can be taken over by another one. Absent where the machine is a part
   * of that process.
   */
  adopt: {
    /** What the other process needs to know, as plain data that JSON has; known after `start`, changed by `addDevice`. */
    state(): unknown;
    /**
     * Instead of `addDevice` and `start`: takes over the running VM of this sandbox. `state` was on disk, and is checked. When
     * it fails the VM is left as it is.
     */
    adopt(state: unknown, signal: AbortSignal): Promise<void>;
    /** Lets go of the VM, which goes on without this process. The instance is of no use then. Idempotent. */
    release(): void;
  };
  /** Host thread ids of the vCPUs, in order, for pinning and cgroups. */
  "vcpu-threads": { threads(): Promise<readonly number[]> };
}

/**
 * A virtual machine and the monitor that runs it. One instance is one VM, made in the sandbox's scope.
 *
 * Order of calls: (`addDevice`* → `start` | `adopt`) → (`addDevice` | `removeDevice`)* → `stop` or `destroy`. Before `start` devices
 * are only noted; afterwards they are hotplugged, which needs the matching capability. A capability that is absent is
 * `undefined` here and `KATA_CAPABILITY` where somebody insists (`requireCapability`).
 *
 * The instance owns the VMM's process or threads, its sockets and files below its run directory, and removes them all in
 * `stop` and in `destroy`. It does not own what devices refer to (taps, daemons, disks).
 */
export interface Hypervisor {
  readonly name: string;
  /** Starts the machine; resolves when the VMM runs it, not when the guest is up. Rejects with the VMM's own words. */
  start(spec: VmSpec, signal: AbortSignal): Promise<void>;
  /** Ends the VM in good order and waits for it; idempotent, and no error when it never started. */
  stop(): Promise<void>;
  /** Ends the VM at once, by force; idempotent. */
  destroy(reason: unknown): Promise<void>;
  /** Settles when the VMM is gone, however it ended. Pending before `start`. Never rejects. */
  readonly exited: Promise<VmExit>;
  addDevice(device: Device): Promise<AttachedDevice>;
  removeDevice(id: string): Promise<void>;
  /** How to reach the guest; known from construction on. */
  readonly guestAddress: GuestAddress;
  /** Process that stands for the VM on the host: the VMM's pid, or our own when it runs inside. Known after `start`. */
  readonly pid: number;
  /** True when the machine runs in this very process, which is then what the host's limits are put on. */
  readonly inProcess?: boolean;
  /** The last lines of the guest's console and of the VMM's own output, oldest first, for error messages. */
  consoleTail(): readonly string[];
  /**
   * How much longer than with hardware virtualization the guest takes: 1 with it, more when its code is emulated. Waits for
   * the guest are stretched by it. Known after `start`.
   */
  readonly slowdown: number;
  capability<K extends keyof HypervisorCapabilities>(name: K): HypervisorCapabilities[K] | undefined;
}
