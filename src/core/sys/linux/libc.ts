import { createRequire } from "node:module";
import type { LibraryHandle } from "koffi";
import { messageOf } from "../../errors/error.js";
import { errnoName } from "../errno.js";
import { sysErrors } from "../errors.js";
import { SysError } from "../sys-error.js";
import { syscallNumber, type SyscallName } from "./syscall-numbers.js";

/** What crosses into C: an integer, a string (copied, with a NUL), memory for the length of the call, or NULL. */
export type CValue = number | bigint | string | Uint8Array | null;

/** A function of the C library by itself, for calls so frequent that all around them counts: what a string holds is not checked. */
export type CFunction = ((...args: CValue[]) => number) & {
  async(...args: [...CValue[], (error: Error | null, result: number) => void]): void;
};

/** The poll handle of koffi 3. Its methods crash the process after `close`, and a collected handle stops. */
export interface PollHandle {
  start(events: PollEvents, callback: PollCallback): void;
  stop(): void;
  close(): void;
  ref(): void;
  unref(): void;
}

/** What koffi's poll handle is asked for and reports. */
export interface PollEvents {
  readonly readable?: boolean;
  readonly writable?: boolean;
  readonly disconnect?: boolean;
}

/** Called with 0 or a negative errno. Runs outside of Node's callback scope: no promise is settled after it. */
export type PollCallback = (status: number, events: PollEvents) => void;

interface Koffi {
  load(path: string | null): LibraryHandle;
  errno(): number;
  address(value: Uint8Array): bigint;
  view(address: bigint, length: number): ArrayBuffer;
  readonly node: { poll(fd: number, events: PollEvents, callback: PollCallback): PollHandle };
}

/** Refuses a string that C would cut short. */
export function checkString(text: string): void {
  if (!text.includes("\0")) return;
  throw sysErrors.KATA_SYS_PATH({ path: text, why: "it holds a zero byte, at which the kernel would cut it" });
}

function checkStrings(args: readonly CValue[]): void {
  for (const arg of args) if (typeof arg === "string") checkString(arg);
}

/**
 * The C library, by koffi, which is loaded at the first call. Functions are named by their prototype
 * (`int umount2(str, int)`); pointers are `void*` and strings `str`. Functions that are variadic in C are declared with
 * the arguments they are given, which x86_64 and aarch64 Linux pass in the same way.
 */
export class Libc {
  readonly #functions = new Map<string, CFunction>();
  #koffi: Koffi | undefined;
  #library: LibraryHandle | undefined;

  /** Whether this C library has a function. */
  has(prototype: string): boolean {
    try {
      this.function(prototype);
      return true;
    } catch (error) {
      // koffi's words for it, which has no code for it.
      if (messageOf(error).startsWith("Cannot find function")) return false;
      throw error;
    }
  }

  /** Calls; the result, or the negated errno when it is -1: for calls that are expected to be refused. */
  attempt(prototype: string, ...args: CValue[]): number {
    checkStrings(args);
    const result = this.function(prototype)(...args);
    return result === -1 ? -this.koffi.errno() : result;
  }

  /** Calls; `SysError` when it returns -1. */
  call(prototype: string, ...args: CValue[]): number {
    checkStrings(args);
    const result = this.function(prototype)(...args);
    if (result === -1) throw this.error(nameOf(prototype), args, this.koffi.errno());
    return result;
  }

  /** As `call`, on a thread beside the event loop. Arguments that are memory must stay unchanged until it ends. */
  callAsync(prototype: string, ...args: CValue[]): Promise<number> {
    checkStrings(args);
    const fn = this.function(prototype);
    return new Promise((resolve, reject) => {
      fn.async(...args, (error, result) => {
        const errno = this.koffi.errno();
        if (error !== null) reject(error);
        else if (result === -1) reject(this.error(nameOf(prototype), args, errno));
        else resolve(result);
      });
    });
  }

  /** As `attempt`, on a thread beside the event loop. Arguments that are memory must stay unchanged until it ends. */
  attemptAsync(prototype: string, ...args: CValue[]): Promise<number> {
    checkStrings(args);
    const fn = this.function(prototype);
    return new Promise((resolve, reject) => {
      fn.async(...args, (error, result) => {
        const errno = this.koffi.errno();
        if (error !== null) reject(error);
        else resolve(result === -1 ? -errno : result);
      });
    });
  }

  /** A system call that the C library has no function for. `types` are its arguments, in C. */
  syscall(name: SyscallName, types: string, ...args: CValue[]): number {
    const result = this.attempt(syscallPrototype(types), syscallNumber[name], ...args);
    if (result < 0) throw this.error(name, args, -result);
    return result;
  }

  /** As `syscall`, with the negated errno instead of an error. */
  attemptSyscall(name: SyscallName, types: string, ...args: CValue[]): number {
    return this.attempt(syscallPrototype(types), syscallNumber[name], ...args);
  }

  /** As `syscall`, on a thread beside the event loop. */
  async syscallAsync(name: SyscallName, types: string, ...args: CValue[]): Promise<number> {
    try {
      return await this.callAsync(syscallPrototype(types), syscallNumber[name], ...args);
    } catch (error) {
      throw error instanceof SysError ? this.error(name, args, error.errno) : error;
    }
  }

  /** The error of a call that was refused with `errno`. */
  error(call: string, args: readonly CValue[], errno: number): SysError {
    return new SysError(call, args, errno, errnoName(errno));
  }

  /** koffi itself; `KATA_SYS_UNAVAILABLE` when it does not load here. */
  get koffi(): Koffi {
    this.#koffi ??= loadKoffi();
    return this.#koffi;
  }

  /** The function of that prototype. What it returns is for its caller to look at; `koffi.errno()` says why it was -1. */
  function(prototype: string): CFunction {
    let fn = this.#functions.get(prototype);
    if (fn === undefined) {
      this.#library ??= this.koffi.load(null);
      fn = this.#library.func(prototype) as CFunction;
      this.#functions.set(prototype, fn);
    }
    return fn;
  }
}

/** koffi's native part for glibc, which loads in 1.5 ms; the package around it takes another 5 ms to find the same file. */
const nativeKoffi: Readonly<Record<string, string>> = {
  x64: "@koromix/koffi-linux-x64/linux_x64/koffi.node",
  arm64: "@koromix/koffi-linux-arm64/linux_arm64/koffi.node",
};

function loadKoffi(): Koffi {
  const native = nativeKoffi[process.arch];
  if (process.platform !== "linux" || native === undefined) {
    throw sysErrors.KATA_SYS_UNAVAILABLE({ why: `this is ${process.platform} on ${process.arch}` });
  }
  const load = createRequire(import.meta.url);
  try {
    return load(native) as Koffi;
  } catch {
    return loadPackage(load);
  }
}

/** On musl, and where the package manager puts the native part elsewhere. */
function loadPackage(load: NodeJS.Require): Koffi {
  try {
    return load("koffi") as Koffi;
  } catch (cause) {
    throw sysErrors.KATA_SYS_UNAVAILABLE({ why: `koffi does not load: ${messageOf(cause)}` }, { cause });
  }
}

const syscallPrototype = (types: string): string => `intptr_t syscall(intptr_t, ${types})`;

const nameOf = (prototype: string): string => /(\w+)\s*\(/.exec(prototype)?.[1] ?? prototype;
