import type { EffectiveConfig } from "../config/effective.js";
import type { Dispatcher } from "../dispatch/dispatcher.js";
import type { EventBus } from "../dispatch/event-bus.js";
import type { Logger } from "../log.js";
import type { SandboxRecord } from "../sandbox/record.js";
import type { SandboxState } from "../sandbox/state.js";
import type { Scope } from "../scope.js";
import type { Sys } from "../sys/sys.js";
import type { ChosenInstance, KindRef, PluginId, PluginInstance } from "./kinds.js";
import type { Candidates } from "./match.js";

/** Directories the runtime works in. Parameters, so that tests use their own. */
export interface Roots {
  /** State and sockets of sandboxes: `/run/kata-ts`. Short, because a socket's path has 107 bytes. */
  readonly run: string;
  /** Where container files are gathered to be shared with the guest: `/run/kata-ts/shared`. */
  readonly shared: string;
  /** Guest images: `/var/cache/kata-ts/guest`. */
  readonly guestCache: string;
  /** `/sys/fs/cgroup`. */
  readonly cgroup: string;
  /** There when systemd runs the host: `/run/systemd/system`. */
  readonly systemd: string;
  /** Where the kernel shows its devices: `/sys`. */
  readonly sysfs: string;
  /** Where CSI drivers say what volumes are, for whichever runtime has the pod: as in Kata, `/run/kata-containers/shared/direct-volumes`. */
  readonly directVolumes: string;
}

/** The sandbox a plugin instance belongs to. */
export interface SandboxInfo {
  readonly id: string;
  /** containerd's namespace, or the embedder's name for a group of sandboxes. */
  readonly namespace: string;
  /** The sandbox's own directory, mode 0700, made before any plugin and removed after all: sockets and state. */
  readonly runDirectory: string;
  /** Path of its network namespace; absent when it has none. */
  readonly networkNamespace?: string;
  /** Note here, before making it, what a crash of this process would leave: processes, mounts, files elsewhere. */
  readonly record: SandboxRecord;
}

/** What a runtime handler asks a sandbox to be opened with. */
export interface SandboxRequest {
  readonly id: string;
  readonly networkNamespace?: string;
  /** Annotations of the pod: hostile; those that configuration does not allow are refused. */
  readonly annotations: Readonly<Record<string, string>>;
  /** `configuration.toml` to be used instead of the process's own. */
  readonly configPath?: string;
  /** It is there, left by a process that was killed: its directory, record and state are taken over. */
  readonly adopted?: true;
}

/** Everything of one sandbox: closing `scope` ends it, the run directory last. */
export interface SandboxEnvironment {
  readonly info: SandboxInfo;
  readonly scope: Scope;
  readonly config: EffectiveConfig;
  readonly plugins: PluginSource;
  readonly log: Logger;
  /** Settles when a plugin of the sandbox has thrown an error that nobody caught: the handler ends the sandbox with it. */
  readonly broken: Promise<Error>;
  /** Of one that is taken over: what was kept of it. Nothing is undone by `scope` yet but what is deferred to it. */
  readonly state?: SandboxState;
}

/**
 * Loads a sandbox's configuration and makes its run directory; `ALREADY_EXISTS` when that is there. For one that is to be
 * adopted the errors of `stateErrors`.
 */
export type SandboxOpener = (request: SandboxRequest) => Promise<SandboxEnvironment>;

/** Makes instances of other plugins: the only way plugins meet, through contracts. */
export interface PluginSource {
  /**
   * A new instance of the named plugin, closed with the asking instance's scope. `where` is what selected it. A mere name
   * stands for a kind of core; a kind that a plugin brings along is its `Kind`, which gives the type.
   */
  create<K extends KindRef>(kind: K, name: string, where: string, input?: unknown): Promise<PluginInstance<K>>;
  /** A new instance of the plugin that configuration chooses for a kind that a key selects; undefined when it says none. */
  chosen<K extends KindRef>(kind: K): Promise<ChosenInstance<K>>;
  /**
   * One instance of every plugin of a kind, for kinds that are chosen by `match`: the same ones whenever it is asked. One
   * that fails is left out, with a warning, and is among `skipped`; but when it failed for want of one that configuration
   * chooses, that is the error.
   */
  all<K extends KindRef>(kind: K): Promise<Candidates<PluginInstance<K>>>;
}

/** Everything a plugin is given. It imports nothing else from the runtime. */
export interface PluginContext {
  readonly plugin: PluginId;
  readonly sys: Sys;
  readonly log: Logger;
  /** Ends with the instance's owner; `defer` whatever the instance opens. */
  readonly scope: Scope;
  readonly roots: Roots;
  /** This process is there for one sandbox alone, as a shim is, and may be moved into its cgroup. */
  readonly ownsProcess: boolean;
  /** What configuration says, with origins; of the sandbox when there is one. */
  readonly config: EffectiveConfig;
  /** Set for instances made for one sandbox. */
  readonly sandbox?: SandboxInfo;
  readonly events: EventBus;
  readonly dispatcher: Dispatcher;
  readonly plugins: PluginSource;
  /** For runtime handlers. */
  readonly openSandbox: SandboxOpener;
}
