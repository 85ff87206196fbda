import { closeSync, openSync } from "node:fs";
import { codeOf } from "../errors/error.js";
import type { Namespaces } from "../sys/namespaces.js";
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
    return openSync(path, "r");
  } catch (error) {
    const why = codeOf(error) === "ENOENT" ? "is not there" : "cannot be opened";
    throw networkErrors.KATA_NETWORK_NAMESPACE({ path, why }, { cause: error });
  }
}
