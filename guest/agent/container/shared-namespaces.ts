import { openSync } from "node:fs";
import { describeError } from "../../../src/core/errors/error.js";
import type { Logger } from "../../../src/core/log.js";
import type { Sys } from "../../../src/core/sys/sys.js";
import type { AgentRoots } from "../roots.js";

const kinds = ["uts", "ipc"] as const;

/** What making namespaces needs. */
export interface NamespaceTools {
  readonly sys: Pick<Sys, "namespaces" | "machine" | "descriptors">;
  readonly roots: Pick<AgentRoots, "proc">;
  readonly log: Logger;
}

/**
 * Namespaces that the containers of a sandbox share. They are kept alive by descriptors, and named to the OCI runtime by
 * those: nothing has to be mounted.
 */
export class SharedNamespaces {
  readonly #tools: NamespaceTools;
  readonly #fds = new Map<string, number>();

  constructor(tools: NamespaceTools) {
    this.#tools = tools;
  }

  /** Makes those for the host name and for System V objects. This thread is back in its own when it returns. */
  create(hostname: string): void {
    const { sys, log, roots } = this.#tools;
    const open = (kind: string): number => openSync(`${roots.proc}/self/ns/${kind}`, "r");
    const own = kinds.map((kind) => [kind, open(kind)] as const);
    try {
      sys.namespaces.unshare(kinds);
      if (hostname !== "") sys.machine.setHostname(hostname);
      for (const kind of kinds) this.#fds.set(kind, open(kind));
    } finally {
      for (const [kind, fd] of own) {
        try {
          sys.namespaces.enter(fd, kind);
        } catch (error) {
          // The agent itself uses neither; it lives on among its containers.
          log.warn("the agent stays in a namespace of its containers", { kind, error: describeError(error) });
        }
        sys.descriptors.close(fd);
      }
    }
  }

  /** Takes over the pid namespace of the sandbox's first container; later ones may join it. */
  adoptPid(pid: number): void {
    if (this.#fds.has("pid")) return;
    try {
      this.#fds.set("pid", openSync(`${this.#tools.roots.proc}/${pid}/ns/pid`, "r"));
    } catch (error) {
      this.#tools.log.debug("the first container ended before its namespace was known", {
        error: describeError(error),
      });
    }
  }

  /** A path for each kind there is, with that of pids only for a container that shares them. */
  paths(sharesPids: boolean): Record<string, string> {
    const paths: Record<string, string> = {};
    for (const [kind, fd] of this.#fds) {
      if (kind !== "pid" || sharesPids) paths[kind] = `${this.#tools.roots.proc}/${process.pid}/fd/${fd}`;
    }
    return paths;
  }

  close(): void {
    for (const fd of this.#fds.values()) this.#tools.sys.descriptors.close(fd);
    this.#fds.clear();
  }
}
