import type { OciLinuxResources, OciProcess, OciSpec } from "../oci/spec.js";
import type { ContainerStats } from "./container-stats.js";
import type { GuestDevice, GuestInterface, GuestNeighbor, GuestRoute, GuestStorage } from "./guest.js";
import type { GuestAddress } from "./guest-address.js";

/** A process in the guest: a container's first one when `execId` equals `containerId`. */
export interface GuestProcess {
  readonly containerId: string;
  readonly execId: string;
}

/** What the agent is told of the sandbox, once, before any container. */
export interface SandboxSetup {
  readonly sandboxId: string;
  readonly hostname: string;
  /** Lines of resolv.conf. */
  readonly dns: readonly string[];
  readonly storages: readonly GuestStorage[];
  /** All containers share one pid namespace. */
  readonly sharedPidNamespace: boolean;
  readonly guestHookPath: string;
  readonly kernelModules: readonly { readonly name: string; readonly parameters: readonly string[] }[];
}

/** A container as the agent shall create it; paths in `spec` are the guest's. */
export interface ContainerSetup {
  readonly containerId: string;
  readonly spec: OciSpec;
  readonly storages: readonly GuestStorage[];
  readonly devices: readonly GuestDevice[];
  readonly sharedPidNamespace: boolean;
}

/** What the guest says of itself. */
export interface GuestDetails {
  readonly agentVersion: string;
  readonly storageHandlers: readonly string[];
  readonly deviceHandlers: readonly string[];
  readonly supportsSeccomp: boolean;
  /** Bytes of one hotpluggable memory block; 0 when memory cannot be hotplugged. */
  readonly memoryBlockSize: bigint;
}

/** Capabilities an agent may have beyond its core, by name. */
export interface AgentCapabilities {
  network: {
    updateInterface(wanted: GuestInterface): Promise<GuestInterface>;
    updateRoutes(routes: readonly GuestRoute[]): Promise<readonly GuestRoute[]>;
    addNeighbors(neighbors: readonly GuestNeighbor[]): Promise<void>;
    listInterfaces(): Promise<readonly GuestInterface[]>;
    listRoutes(): Promise<readonly GuestRoute[]>;
    getIpTables(ipv6: boolean): Promise<Uint8Array>;
    setIpTables(ipv6: boolean, rules: Uint8Array): Promise<Uint8Array>;
  };
  /** Takes CPUs and memory that were plugged in into use. `wait`: until so many CPUs, the first one among them, are in use. */
  "online-cpu-mem": { online(request: { wait: boolean; cpus: number; cpuOnly: boolean }): Promise<void> };
  "copy-file": {
    copyFile(file: {
      path: string;
      size: number;
      mode: number;
      directoryMode: number;
      uid: number;
      gid: number;
      offset: number;
      data: Uint8Array;
    }): Promise<void>;
  };
  clock: { setTime(time: Date): Promise<void>; reseed(entropy: Uint8Array): Promise<void> };
  policy: { setPolicy(policy: string): Promise<void> };
  metrics: { metrics(): Promise<string> };
  /**
   * Lets the guest write pages of its memory to a disk that was plugged in and has the head of a swap area; for as long as the
   * machine runs. `device` is what `Disk.device("")` says of it; not every way to find a disk is one by which swap is found.
   */
  swap: { add(device: GuestDevice): Promise<void> };
  /** Ids of containers whose memory ran out, as they come; ends with the connection. */
  oom: { events(signal: AbortSignal): AsyncIterable<string> };
  volume: { stats(guestPath: string): Promise<string>; resize(guestPath: string, bytes: bigint): Promise<void> };
}

/**
 * The runtime's side of the agent in the guest. One instance is one guest, made in the sandbox's scope.
 *
 * Order of calls: `connect` → `createSandbox` → containers in any order → `close`. A request fails with the agent's own
 * status; when the connection is lost every pending request rejects and `lost` settles. The agent is the guest: what it
 * answers is hostile, lengths and numbers are checked before use.
 */
export interface Agent {
  readonly name: string;
  /** Dials until the agent answers, or `signal` aborts. */
  connect(address: GuestAddress, signal: AbortSignal): Promise<void>;
  /** Settles with the reason when the connection ends without `close`. */
  readonly lost: Promise<Error>;
  close(): Promise<void>;
  destroy(reason: unknown): Promise<void>;

  check(): Promise<void>;
  guestDetails(): Promise<GuestDetails>;

  createSandbox(setup: SandboxSetup): Promise<void>;
  destroySandbox(): Promise<void>;

  createContainer(setup: ContainerSetup): Promise<void>;
  startContainer(containerId: string): Promise<void>;
  /** Undoes `createContainer`, storages included; also after a failure in the middle. */
  removeContainer(containerId: string): Promise<void>;
  pauseContainer(containerId: string): Promise<void>;
  resumeContainer(containerId: string): Promise<void>;
  updateContainer(containerId: string, resources: OciLinuxResources): Promise<void>;
  stats(containerId: string): Promise<ContainerStats>;

  /** Starts a further process in a running container. */
  execProcess(process: GuestProcess, spec: OciProcess): Promise<void>;
  /** `execId` of the container itself signals its first process; `all` every process of the container. */
  signalProcess(process: GuestProcess, signal: number, all: boolean): Promise<void>;
  /**
   * Exit status 0..255 (128 + signal when killed). No deadline: waits as long as the process lives. It can be asked again: a host
   * that was told may have been killed before it had kept that.
   */
  waitProcess(process: GuestProcess, signal?: AbortSignal): Promise<number>;
  resizeTerminal(process: GuestProcess, size: { rows: number; columns: number }): Promise<void>;

  /** Writes all of `data`; resolves when the guest has taken it (that is the backpressure). */
  writeStdin(process: GuestProcess, data: Uint8Array): Promise<void>;
  closeStdin(process: GuestProcess): Promise<void>;
  /** The next output, 1..`max` bytes; undefined at its end. */
  readStdout(process: GuestProcess, max: number): Promise<Uint8Array | undefined>;
  readStderr(process: GuestProcess, max: number): Promise<Uint8Array | undefined>;

  capability<K extends keyof AgentCapabilities>(name: K): AgentCapabilities[K] | undefined;
}
