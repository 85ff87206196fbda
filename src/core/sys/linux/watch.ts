import { type Deadline, withDeadline } from "../../deadline.js";
import { messageOf } from "../../errors/error.js";
import type { Interest, Readiness, Watch } from "../descriptors.js";
import { sysErrors } from "../errors.js";
import { closeFd, withFdSync } from "./close-fd.js";
import type { Libc, PollEvents, PollHandle } from "./libc.js";
import { duplicate } from "./status-flags.js";

const closeOnExec = 0o2000000;
const addToEpoll = 1;
/** More than `struct epoll_event` has on any architecture. */
const epollEventBytes = 16;

/** koffi closes a handle that is collected: whoever only waits to be called back must be held. */
const open = new Set<DescriptorWatch>();

/** A descriptor in libuv's own epoll, see `Descriptors.watch`. */
class DescriptorWatch implements Watch {
  readonly #onReady: (ready: Readiness) => void;
  /** libuv's own: the caller may close its descriptor, or watch it twice, which libuv does not survive. */
  readonly #fd: number;
  #handle: PollHandle | undefined;
  #interest: Interest;

  constructor(libc: Libc, fd: number, interest: Interest, onReady: (ready: Readiness) => void) {
    this.#onReady = onReady;
    this.#interest = interest;
    assertReadiness(libc, fd);
    this.#fd = duplicate(libc, fd, 0);
    this.#handle = libc.koffi.node.poll(this.#fd, this.#events(), this.#polled);
    open.add(this);
    if (interest.readable !== true && interest.writable !== true) this.#handle.stop();
  }

  update(interest: Interest): void {
    this.#interest = interest;
    if (this.#handle === undefined) return;
    if (interest.readable !== true && interest.writable !== true) this.#handle.stop();
    else this.#handle.start(this.#events(), this.#polled);
  }

  close(): void {
    if (this.#handle === undefined) return;
    this.#handle.close();
    this.#handle = undefined;
    closeFd(this.#fd);
    open.delete(this);
  }

  ref(): void {
    this.#handle?.ref();
  }

  unref(): void {
    this.#handle?.unref();
  }

  #events(): PollEvents {
    return { readable: this.#interest.readable === true, writable: this.#interest.writable === true };
  }

  /**
   * koffi calls this outside of Node's callback scope, where an exception is lost and no promise goes on: both wait for the
   * check phase that follows. libuv stops a handle whose descriptor has an error (status below 0).
   */
  readonly #polled = (status: number, events: PollEvents): void => {
    const failed = status < 0;
    const readable = this.#interest.readable === true && (failed || events.readable === true);
    const writable = this.#interest.writable === true && (failed || events.writable === true);
    try {
      if (readable || writable) this.#onReady({ readable, writable });
    } catch (error) {
      setImmediate(() => {
        throw error;
      });
    }
    if (failed) this.update(this.#interest);
    goOnSoon();
  };
}

/** The check phase that follows has been asked for. */
let goingOn = false;

/** Has promises and ticks go on in the check phase that follows. */
function goOnSoon(): void {
  if (goingOn) return;
  goingOn = true;
  setImmediate(() => (goingOn = false));
}

/** Tries in an epoll of our own what koffi, where libuv refuses it, answers by aborting the process. */
function assertReadiness(libc: Libc, fd: number): void {
  withFdSync(libc.call("int epoll_create1(int)", closeOnExec), (epoll) => {
    try {
      libc.call("int epoll_ctl(int, int, int, void*)", epoll, addToEpoll, fd, Buffer.alloc(epollEventBytes));
    } catch (cause) {
      throw sysErrors.KATA_SYS_WATCH({ fd, why: messageOf(cause) }, { cause });
    }
  });
}

/** See `Descriptors.watch`. */
export function watchFd(libc: Libc, fd: number, interest: Interest, onReady: (ready: Readiness) => void): Watch {
  return new DescriptorWatch(libc, fd, interest, onReady);
}

/** See `Descriptors.unwatchAll`. */
export function unwatchAll(): void {
  for (const watch of open) watch.close();
}

/** See `Descriptors.ready`. */
export async function waitUntilReady(libc: Libc, fd: number, interest: Interest, deadline: Deadline): Promise<void> {
  let watch: Watch | undefined;
  try {
    await withDeadline(
      deadline,
      () =>
        new Promise<void>((resolve) => {
          watch = watchFd(libc, fd, interest, () => resolve());
        }),
    );
  } finally {
    watch?.close();
  }
}
