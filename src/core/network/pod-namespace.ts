import { closeSync, lstatSync, openSync, type Stats, statSync } from "node:fs";
import { codeOf, KataError } from "../errors/error.js";
import type { Namespaces } from "../sys/namespaces.js";
import { OpenFlag } from "../sys/open-flags.js";
import { networkErrors } from "./errors.js";

/** The pod's network namespace, held open: its path may be gone, or another's, while the pod lives. */
export class PodNamespace {
  readonly path: string;
  readonly fd: number;
  #open = true;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.fd = fd;
  }

  /** Opens it; an error that says what is wrong with the path when it is none, or the runtime's own and not `own`. */
  static open(namespaces: Namespaces, path: string, { own = false } = {}): PodNamespace {
    const fd = openFile(path);
    try {
      const identity = namespaces.identify(fd);
      if (identity === undefined) throw networkErrors.KATA_NETWORK_NAMESPACE({ path, why: "is no namespace" });
      if (!identity.startsWith("net:")) {
        throw networkErrors.KATA_NETWORK_NAMESPACE({ path, why: `is a namespace of another kind, ${identity}` });
      }
      if (!own && identity === namespaces.identity("network")) throw networkErrors.KATA_NETWORK_OWN({ path });
      return new PodNamespace(path, fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Idempotent. */
  close(): void {
    if (this.#open) closeSync(this.fd);
    this.#open = false;
  }
}

function openFile(path: string): number {
  try {
    const kind = unlikeFile(statSync(path));
    if (kind !== undefined) throw networkErrors.KATA_NETWORK_NAMESPACE({ path, why: `is a ${kind}` });
    // Should it be a fifo by now, opening it must not wait.
    return openSync(path, OpenFlag.read | OpenFlag.nonBlock);
  } catch (error) {
    if (error instanceof KataError) throw error;
    const why = codeOf(error) === "ENOENT" ? whyAbsent(path) : "cannot be opened";
    throw networkErrors.KATA_NETWORK_NAMESPACE({ path, why }, { cause: error });
  }
}

/** What a thing is that is no file, as a namespace is one; a device is not even opened. */
function unlikeFile(stats: Stats): string | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isDirectory()) return "directory";
  if (stats.isFIFO()) return "fifo";
  return stats.isSocket() ? "socket" : "device";
}

function whyAbsent(path: string): string {
  const link = lstatSync(path, { throwIfNoEntry: false });
  return link === undefined ? "is not there" : "is a symbolic link that leads nowhere";
}
