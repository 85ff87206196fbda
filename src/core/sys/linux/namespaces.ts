import { closeSync, fstatSync, openSync, readlinkSync, unlinkSync } from "node:fs";
import { messageOf } from "../../errors/error.js";
import { sysErrors } from "../errors.js";
import { MountFlag } from "../mount-flags.js";
import type { NamespaceKind, Namespaces } from "../namespaces.js";
import { OpenFlag } from "../open-flags.js";
import type { PathOrFd } from "../path-or-fd.js";
import { errnoNameOf } from "../sys-error.js";
import { withFdSync } from "./close-fd.js";
import type { Libc } from "./libc.js";

/** `CLONE_NEW*`, and the names under /proc/PID/ns. */
const kinds: Readonly<Record<NamespaceKind, { readonly flag: number; readonly file: string }>> = {
  mount: { flag: 0x00020000, file: "mnt" },
  cgroup: { flag: 0x02000000, file: "cgroup" },
  uts: { flag: 0x04000000, file: "uts" },
  ipc: { flag: 0x08000000, file: "ipc" },
  user: { flag: 0x10000000, file: "user" },
  pid: { flag: 0x20000000, file: "pid" },
  network: { flag: 0x40000000, file: "net" },
  time: { flag: 0x00000080, file: "time" },
};

/** `NS_GET_NSTYPE` of linux/nsfs.h. */
const getType = 0xb703;

const detachNoFollow = 2 | 8;
const ownNetwork = "/proc/thread-self/ns/net";

const isThenable = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";

/** `Namespaces` by setns(2) and unshare(2). */
export class LinuxNamespaces implements Namespaces {
  readonly #libc: Libc;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  inNetworkNamespace<T>(namespace: PathOrFd, action: () => T): T {
    const result = this.#andBack(() => {
      this.enter(namespace, "network");
      return action();
    });
    if (isThenable(result)) throw sysErrors.KATA_SYS_NAMESPACE_ASYNC({ namespace: String(namespace) });
    return result;
  }

  createNetworkNamespace(path: string): void {
    closeSync(openSync(path, OpenFlag.create | OpenFlag.exclusive, 0o444));
    try {
      this.#andBack(() => {
        this.unshare(["network"]);
        const mount = "int mount(str, str, str, ulong, str)";
        this.#libc.call(mount, ownNetwork, path, null, MountFlag.bind, null);
      });
    } catch (error) {
      unlinkSync(path);
      throw error;
    }
  }

  removeNetworkNamespace(path: string): void {
    try {
      this.#libc.call("int umount2(str, int)", path, detachNoFollow);
    } catch (error) {
      // EINVAL: the file is there, and nothing is mounted on it
      if (errnoNameOf(error) === "ENOENT") return;
      if (errnoNameOf(error) !== "EINVAL") throw error;
    }
    unlinkSync(path);
  }

  enter(namespace: PathOrFd, kind: NamespaceKind): void {
    const enter = (fd: number): number => this.#libc.call("int setns(int, int)", fd, kinds[kind].flag);
    if (typeof namespace === "number") enter(namespace);
    // A fifo that has the name is no namespace, and nobody shall wait for it.
    else withFdSync(openSync(namespace, OpenFlag.read | OpenFlag.nonBlock), enter);
  }

  unshare(which: readonly NamespaceKind[]): void {
    const flags = which.reduce((sum, kind) => sum | kinds[kind].flag, 0);
    this.#libc.call("int unshare(int)", flags);
  }

  identity(kind: NamespaceKind, pid?: number): string {
    return readlinkSync(`/proc/${pid ?? "thread-self"}/ns/${kinds[kind].file}`);
  }

  identify(fd: number): string | undefined {
    const type = this.#libc.attempt("int ioctl(int, ulong, intptr_t)", fd, getType, 0);
    const kind = Object.values(kinds).find(({ flag }) => flag === type);
    return kind && `${kind.file}:[${fstatSync(fd).ino}]`;
  }

  /** Runs an action that changes this thread's network namespace, and changes it back. */
  #andBack<T>(action: () => T): T {
    return withFdSync(openSync(ownNetwork, OpenFlag.read), (own) => {
      try {
        return action();
      } finally {
        this.#comeBack(own);
      }
    });
  }

  #comeBack(own: number): void {
    try {
      this.enter(own, "network");
    } catch (error) {
      process.stderr.write(`kata-ts: cannot return to the own network namespace, ending: ${messageOf(error)}\n`);
      process.abort();
    }
  }
}
