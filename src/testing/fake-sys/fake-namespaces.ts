import { existsSync, unlinkSync, writeFileSync } from "node:fs";
import { sysErrors } from "../../core/sys/errors.js";
import type { NamespaceKind, Namespaces } from "../../core/sys/namespaces.js";
import type { PathOrFd } from "../../core/sys/path-or-fd.js";

/** Namespaces that are only names: actions run where they are, and `entered` says in what they believed to be. */
export class FakeNamespaces implements Namespaces {
  /** What `inNetworkNamespace` is in now. */
  entered: PathOrFd | undefined;

  inNetworkNamespace<T>(namespace: PathOrFd, action: () => T): T {
    const outer = this.entered;
    this.entered = namespace;
    try {
      const result = action();
      if (result instanceof Promise) throw sysErrors.KATA_SYS_NAMESPACE_ASYNC({ namespace: String(namespace) });
      return result;
    } finally {
      this.entered = outer;
    }
  }

  createNetworkNamespace(path: string): void {
    writeFileSync(path, "", { flag: "wx", mode: 0o444 });
  }

  removeNetworkNamespace(path: string): void {
    if (existsSync(path)) unlinkSync(path);
  }

  enter(namespace: PathOrFd): void {
    this.entered = namespace;
  }

  unshare(): void {
    this.entered = undefined;
  }

  identify(fd: number): string | undefined {
    return `net:[fd ${fd}]`;
  }

  identity(kind: NamespaceKind): string {
    return `${kind}:[${this.entered ?? 1}]`;
  }
}
