import type { PathOrFd } from "./path-or-fd.js";

/** Kinds of namespaces(7). */
export type NamespaceKind = "mount" | "network" | "uts" | "ipc" | "pid" | "user" | "cgroup" | "time";

/**
 * Namespaces of the calling thread. A thread has its own, and Node runs file operations on other threads: only what is
 * done synchronously on the thread that called is done inside.
 */
export interface Namespaces {
  /**
   * Runs `action` in a network namespace (`/run/netns/x`, or a descriptor) and comes back. A socket, a tap or a child
   * process made by `action` stays there. `action` must be synchronous: one that returns a promise is
   * `KATA_SYS_NAMESPACE_ASYNC`. When the way back fails the process ends: it would go on in a stranger's namespace.
   */
  inNetworkNamespace<T>(namespace: PathOrFd, action: () => T): T;

  /** Makes a network namespace and keeps it alive at `path`, as `ip netns add` does. Its loopback is down. */
  createNetworkNamespace(path: string): void;

  /** Unmounts and unlinks what `createNetworkNamespace` made. A path that does not exist is fine. */
  removeNetworkNamespace(path: string): void;

  /** setns(2) for the calling thread, for good. */
  enter(namespace: PathOrFd, kind: NamespaceKind): void;

  /** unshare(2) for the calling thread. With `mount`, threads Node has already started stay in the old one. */
  unshare(kinds: readonly NamespaceKind[]): void;

  /** A name that is equal exactly for equal namespaces: `net:[4026531840]`. `pid` is a process, this one by default. */
  identity(kind: NamespaceKind, pid?: number): string;

  /** The same name of the namespace that a descriptor is of; undefined when it is of something else. */
  identify(fd: number): string | undefined;
}
