import type { Source } from "../config/source.js";
import type { CreateTask, ProcessIo, ProcessStatus } from "../messages/task.js";
import type { OciLinuxResources, OciProcess } from "../oci/spec.js";
import type { ContainerRole } from "./identity.js";

/** The version of what `state.json` holds: any change that an older or newer program could not read makes it another. */
export const stateVersion = 1;

/** A process of a container. */
export interface ProcessState {
  /** Empty for the container's first one. */
  readonly execId: string;
  readonly io: ProcessIo;
  readonly status: ProcessStatus;
  readonly exit?: { readonly status: number /** ISO 8601. */; readonly exitedAt: string };
  /** What a further process runs. */
  readonly spec?: OciProcess;
}

/** A resource of a container: the driver that made it, what it was made for, and what it says of itself. */
export interface ResourceState {
  readonly kind: "rootfs" | "volume" | "device";
  readonly driver: string;
  /** Of a volume: its position in the spec's mounts; of a device: its position among the spec's block devices. */
  readonly index: number;
  readonly state?: unknown;
}

export interface ContainerState {
  readonly request: CreateTask;
  readonly role: ContainerRole;
  /** Its limits as they are now. */
  readonly limits: OciLinuxResources;
  readonly resources: readonly ResourceState[];
  /** The first one first. */
  readonly processes: readonly ProcessState[];
}

/** A disk that a machine has. */
export interface DiskState {
  /** That of its device. */
  readonly id: string;
  readonly path: string;
  readonly readOnly: boolean;
  readonly guestLocator: string;
  /** What stood at the path when the machine got it (`diskIdentity`). */
  readonly identity?: string;
}

/** The disks that a machine has, and how many it has had: their ids are not used again. */
export interface DisksState {
  readonly made: number;
  readonly there: readonly DiskState[];
}

/** One part of a machine: the plugin that made it, and what it says of itself. */
export interface PartState {
  readonly name: string;
  readonly state?: unknown;
}

/** All of a sandbox that another process needs to know to go on with it. What to undo is in its record. */
export interface SandboxState {
  readonly version: typeof stateVersion;
  readonly namespace: string;
  readonly sandboxId: string;
  readonly networkNamespace?: string;
  /** The pod's annotations, as far as they were given when it was made. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Texts of the configuration it was made with, whatever has become of the files. */
  readonly configuration: readonly Source[];
  readonly hypervisor: PartState;
  readonly shareFs?: PartState;
  /** What the pod's network says of itself; absent when it has none. */
  readonly network?: unknown;
  readonly disks: DisksState;
  readonly containers: readonly ContainerState[];
}
