import { constants } from "node:os";

/** What the errors people meet mean, in the words of errno(3). */
const texts: Readonly<Record<string, string>> = {
  EPERM: "operation not permitted",
  ENOENT: "no such file or directory",
  ESRCH: "no such process",
  EIO: "input/output error",
  ENXIO: "no such device or address",
  EBADF: "bad file descriptor",
  ECHILD: "no child process",
  EAGAIN: "try again",
  ENOMEM: "out of memory",
  EACCES: "permission denied",
  EFAULT: "bad address",
  ENOTBLK: "block device required",
  EBUSY: "device or resource busy",
  EEXIST: "file exists",
  EXDEV: "leaves the directory or the mount it must stay in",
  ENODEV: "no such device or file system type",
  ENOTDIR: "not a directory",
  EISDIR: "is a directory",
  EINVAL: "invalid argument",
  EMFILE: "too many open files",
  ENOTTY: "not a terminal, or not an operation of this device",
  EFBIG: "file too large",
  ENOSPC: "no space left on device",
  EROFS: "read-only file system",
  EPIPE: "broken pipe",
  ENAMETOOLONG: "file name too long",
  ENOSYS: "this kernel does not have the call",
  ENOTEMPTY: "directory not empty",
  ELOOP: "symbolic link where none is allowed, or too many",
  EOPNOTSUPP: "operation not supported",
  EAFNOSUPPORT: "address family not supported",
  EADDRINUSE: "address in use",
  EADDRNOTAVAIL: "address not available",
  ENOTSOCK: "not a socket",
  ECONNRESET: "connection reset by peer",
  ECONNREFUSED: "connection refused",
  ETIMEDOUT: "timed out",
  EHOSTUNREACH: "host unreachable",
};

/** Names whose numbers another name shares, in favour of the name people know. */
const preferred = new Set(["EAGAIN", "EOPNOTSUPP", "EDEADLK"]);

let names: Map<number, string> | undefined;

/** The name of an errno of this machine: `ENOENT` for 2; `errno 4711` when it has none. */
export function errnoName(errno: number): string {
  if (names === undefined) {
    names = new Map();
    for (const [name, value] of Object.entries({ ...constants.errno, ...extra })) {
      if (!names.has(value) || preferred.has(name)) names.set(value, name);
    }
  }
  return names.get(errno) ?? `errno ${errno}`;
}

/** The number of an errno's name; undefined for an unknown one. */
export function errnoNumber(name: string): number | undefined {
  return { ...constants.errno, ...extra }[name as keyof typeof constants.errno];
}

/** Errors the runtime meets and Node's table lacks; these have one number on all architectures supported. */
const extra = { ENOTBLK: 15, ESHUTDOWN: 108, EHOSTDOWN: 112, ENOMEDIUM: 123, EKEYREJECTED: 129, EUCLEAN: 117 };

/** What an errno's name means in words; empty when it is not in the table. */
export function errnoText(name: string): string {
  return texts[name] ?? "";
}
