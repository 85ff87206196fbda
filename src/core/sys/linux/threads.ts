import { errnoNumber } from "../errno.js";
import type { Threads } from "../threads.js";
import type { Libc } from "./libc.js";

const setName = 15;
const longestName = 15;
/** `SIG_BLOCK`. */
const block = 0;
/** Bytes of the kernel's own `sigset_t`; glibc's is longer, and begins with it. */
const setBytes = 128;

/** The set of one signal, as the C library has it. */
function setOf(signal: number): Uint8Array {
  const set = new Uint8Array(setBytes);
  const bit = signal - 1;
  set[bit >> 3] = 1 << (bit & 7);
  return set;
}

/** `Threads` by gettid(2), tgkill(2) and pthread_sigmask(3). */
export class LinuxThreads implements Threads {
  readonly #libc: Libc;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  id(): number {
    return this.#libc.call("int gettid()");
  }

  name(text: string): void {
    const bytes = Buffer.alloc(longestName + 1);
    bytes.write(text, 0, longestName);
    this.#libc.call("int prctl(int, void*, ulong, ulong, ulong)", setName, bytes, 0, 0, 0);
  }

  hold(signal: number): void {
    const errno = this.#libc.attempt("int pthread_sigmask(int, void*, void*)", block, setOf(signal), null);
    if (errno !== 0) throw this.#libc.error("pthread_sigmask", [signal], Math.abs(errno));
  }

  take(signal: number): boolean {
    const now = new Uint8Array(16);
    for (;;) {
      const taken = this.#libc.attempt("int sigtimedwait(void*, void*, void*)", setOf(signal), null, now);
      if (taken >= 0) return true;
      if (taken === -eagain) return false;
      if (taken !== -eintr) throw this.#libc.error("sigtimedwait", [signal], -taken);
    }
  }

  signal(thread: number, signal: number): boolean {
    const result = this.#libc.attempt("int tgkill(int, int, int)", process.pid, thread, signal);
    if (result === 0) return true;
    if (result === -esrch) return false;
    throw this.#libc.error("tgkill", [thread, signal], -result);
  }
}

const eagain = errnoNumber("EAGAIN") ?? 11;
const eintr = errnoNumber("EINTR") ?? 4;
const esrch = errnoNumber("ESRCH") ?? 3;
