import { sysErrors } from "./errors.js";
import { MountFlag } from "./mount-flags.js";

/** A mount as an OCI spec or a containerd request carries it. */
export interface OciMount {
  readonly source?: string;
  /** `bind`, or any type together with the option `bind` or `rbind`: a bind mount. */
  readonly type?: string;
  readonly options?: readonly string[];
}

/** Whether mounts made on one side of a peer group appear on the other. mount_namespaces(7). */
export type Propagation = "shared" | "slave" | "private" | "unbindable";

/** What a list of mount options means to mount(2). */
export interface MountOptions {
  /** `MS_*` bits to set. */
  readonly flags: number;
  /** `MS_*` bits to set on every mount below a bind mount too (`rro`, `rnosuid`, ...). */
  readonly recursiveFlags: number;
  readonly propagation?: { readonly kind: Propagation; readonly recursive: boolean };
  /** What the file system itself is given, joined by commas. */
  readonly data: string;
}

/** Options that are one bit, and what they take away of earlier ones. The OCI runtime spec lists them. */
const bits: Readonly<Record<string, readonly [set: number, clear: number]>> = {
  defaults: [0, 0],
  bind: [MountFlag.bind, 0],
  rbind: [MountFlag.bind | MountFlag.recursive, 0],
  remount: [MountFlag.remount, 0],
  ro: [MountFlag.readOnly, 0],
  rw: [0, MountFlag.readOnly],
  nosuid: [MountFlag.noSuid, 0],
  suid: [0, MountFlag.noSuid],
  nodev: [MountFlag.noDev, 0],
  dev: [0, MountFlag.noDev],
  noexec: [MountFlag.noExec, 0],
  exec: [0, MountFlag.noExec],
  nosymfollow: [MountFlag.noSymlinkFollow, 0],
  symfollow: [0, MountFlag.noSymlinkFollow],
  sync: [MountFlag.synchronous, 0],
  async: [0, MountFlag.synchronous],
  dirsync: [MountFlag.dirSync, 0],
  mand: [MountFlag.mandatoryLock, 0],
  nomand: [0, MountFlag.mandatoryLock],
  noatime: [MountFlag.noAtime, MountFlag.relatime | MountFlag.strictAtime],
  atime: [0, MountFlag.noAtime],
  nodiratime: [MountFlag.noDirAtime, 0],
  diratime: [0, MountFlag.noDirAtime],
  relatime: [MountFlag.relatime, MountFlag.noAtime | MountFlag.strictAtime],
  norelatime: [0, MountFlag.relatime],
  strictatime: [MountFlag.strictAtime, MountFlag.noAtime | MountFlag.relatime],
  nostrictatime: [0, MountFlag.strictAtime],
  iversion: [MountFlag.iVersion, 0],
  noiversion: [0, MountFlag.iVersion],
  lazytime: [MountFlag.lazyTime, 0],
  nolazytime: [0, MountFlag.lazyTime],
  silent: [MountFlag.silent, 0],
  loud: [0, MountFlag.silent],
};

/** Options that an `r` before them makes hold for the mounts below too. */
const recursiveBits = new Set(["ro", "rw", "nosuid", "suid", "nodev", "dev", "noexec", "exec"]);
for (const name of ["noatime", "atime", "nodiratime", "diratime", "relatime", "norelatime"]) recursiveBits.add(name);
for (const name of ["strictatime", "nostrictatime", "nosymfollow", "symfollow"]) recursiveBits.add(name);

const propagations: ReadonlySet<string> = new Set(["shared", "slave", "private", "unbindable"]);

/** Options other programs act on before the kernel is asked; mounting without doing so would be wrong. */
const foreign: Readonly<Record<string, string>> = {
  loop: "a loop device has to be set up first and mounted by its own name",
  idmap: "id-mapped mounts are not supported",
  ridmap: "id-mapped mounts are not supported",
  uidmap: "id-mapped mounts are not supported",
  gidmap: "id-mapped mounts are not supported",
};

/**
 * Sorts OCI mount options into bits, propagation and the file system's own data. Later ones win over earlier ones;
 * comments for other programs (`x-...`) are dropped. `KATA_SYS_MOUNT_OPTION` for one that needs more than mount(2).
 */
export function parseMountOptions(options: readonly string[]): MountOptions {
  let flags = 0;
  let recursiveFlags = 0;
  let propagation: MountOptions["propagation"];
  const data: string[] = [];
  for (const option of options) {
    const bit = Object.hasOwn(bits, option) ? bits[option] : undefined;
    const inner = option.slice(1);
    const name = option.split("=", 1)[0] ?? "";
    if (bit !== undefined) {
      flags = (flags & ~bit[1]) | bit[0];
    } else if (propagations.has(option)) {
      propagation = { kind: option as Propagation, recursive: false };
    } else if (option.startsWith("r") && propagations.has(inner)) {
      propagation = { kind: inner as Propagation, recursive: true };
    } else if (option.startsWith("r") && recursiveBits.has(inner)) {
      const [set, clear] = bits[inner] ?? [0, 0];
      flags = (flags & ~clear) | set;
      recursiveFlags = (recursiveFlags & ~clear) | set;
    } else if (Object.hasOwn(foreign, name)) {
      throw sysErrors.KATA_SYS_MOUNT_OPTION({ option, why: foreign[name] ?? "" });
    } else if (option !== "" && !/^x-/i.test(option)) {
      data.push(option);
    }
  }
  return { flags, recursiveFlags, ...(propagation === undefined ? {} : { propagation }), data: data.join(",") };
}
