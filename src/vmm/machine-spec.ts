import { type Logger, silentLogger } from "../core/log.js";
import type { BootFile } from "./boot/kernel/kernel-image.js";
import type { GuestRamOptions } from "./memory/guest-ram.js";
import { pluggableUnit } from "./memory/pluggable-memory.js";
import type { DeviceSpec } from "./threads/device-spec.js";

/** What each machine is made of. */
export interface MachineParts {
  /** Processors that it starts with. */
  readonly vcpus: number;
  /** The most that it may have while it runs; as many as at its start unless told. */
  readonly maxVcpus?: number;
  readonly memoryMiB: number;
  readonly devices?: readonly DeviceSpec[];
  /** What the guest writes to its console, in pieces. */
  readonly onConsole?: (bytes: Uint8Array) => void;
  readonly log?: Logger;
  /**
   * Milliseconds in which the guest is reached, and in which it answers, when it is told of what was plugged in or out; 30 s
   * unless told. It is told when it has a vsock device; a guest without one looks for itself.
   */
  readonly guestMs?: number;
  /**
   * Other processes can map its memory, as the daemons of shares must that are plugged in later; it is in small pages then.
   * That of a machine with such a share from the start is so in any case. One that goes on from another never is.
   */
  readonly sharedMemory?: boolean;
  /** `/dev/kvm` unless told. */
  readonly kvm?: string;
}

/** What a machine is made of that boots. */
export interface MicroVmSpec extends MachineParts {
  readonly kernel: BootFile;
  readonly initrd?: BootFile;
  readonly commandLine: string;
  /** How the kernel finds its devices; by ACPI unless told. */
  readonly discovery?: "acpi" | "command-line";
  /** Memory that `resizeMemory` can plug in besides, in MiB, whole 128 MiB of it; none unless told. It takes a slot. */
  readonly pluggableMiB?: number;
}

/**
 * What a machine is made of that goes on from one that was saved. It has as many vCPUs, as much memory and the same devices;
 * what these have of the host, such as paths and taps, may be other. Its guest knows nothing of it: give it the time and
 * random numbers of its own.
 */
export interface RestoredVmSpec extends MachineParts {
  /** Directory that `MicroVm.save` has written. */
  readonly from: string;
}

/** How a machine ended. */
export type MicroVmEnd =
  /** By `stop`. */
  | { readonly kind: "stopped" }
  /** The guest turned it off, reset it, or died of a triple fault. */
  | { readonly kind: "powered off" | "reset" | "shut down" }
  | { readonly kind: "failed"; readonly why: string };

const mib = 2 ** 20;

/** What a machine needs of its spec as long as it is there. */
export type LastingParts = Required<Omit<MachineParts, "maxVcpus" | "kvm" | "sharedMemory">>;

export function lastingParts(spec: MicroVmSpec | RestoredVmSpec): LastingParts {
  const { vcpus, memoryMiB, devices = [], onConsole = () => undefined, log = silentLogger, guestMs = 30_000 } = spec;
  return { vcpus, memoryMiB, devices, onConsole, log, guestMs };
}

/** What kind of memory it has. */
export function memoryOptions(spec: MicroVmSpec | RestoredVmSpec): GuestRamOptions {
  const wanted = "kernel" in spec ? (spec.pluggableMiB ?? 0) * mib : 0;
  const shared = spec.sharedMemory === true || spec.devices?.some(({ kind }) => kind === "share") === true;
  return { pluggable: Math.floor(wanted / pluggableUnit) * pluggableUnit, shared };
}
