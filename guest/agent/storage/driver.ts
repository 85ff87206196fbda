import type { Storage } from "../../../src/core/proto/gen/kata/agent.js";
import type { Sys } from "../../../src/core/sys/sys.js";
import type { KernelModules } from "../machine/kernel-modules.js";
import type { AgentRoots } from "../roots.js";

/** What storage drivers work with. */
export interface StorageTools {
  readonly sys: Pick<Sys, "mounts" | "files" | "descriptors">;
  readonly roots: AgentRoots;
  readonly modules: Pick<KernelModules, "load" | "loadFileSystem">;
  /** Milliseconds a device may take to appear. */
  readonly hotplugTime: number;
}

/** A way in which something gets mounted in the guest (agent.proto `Storage.driver`). */
export interface StorageDriver {
  /** Whether it is mounted on a file. Absent: on a directory. */
  isFile?(storage: Storage): boolean;
  /** Mounts `storage` on `target`, a descriptor of a directory, or of a file, that was made for it. */
  mount(storage: Storage, target: number, tools: StorageTools): Promise<void>;
  /** Gives back what `mount` took besides, after it was unmounted. */
  unmounted?(storage: Storage, tools: StorageTools): Promise<void>;
}
