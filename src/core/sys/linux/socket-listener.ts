import type { Watch } from "../descriptors.js";
import type { Listener, ListenerEvents } from "../sockets.js";
import { errnoNameOf } from "../sys-error.js";
import { closeFd } from "./close-fd.js";
import type { Libc } from "./libc.js";
import { socketStream } from "./socket-stream.js";
import { watchFd } from "./watch.js";

/** Connections taken in one turn before others get theirs. */
const perTurn = 16;

/** Milliseconds to wait when the process has no descriptor left; the connections stay in the kernel's queue. */
const exhaustedPause = 100;

/** A function that accepts one connection, or says that there is none. */
export type Accept = () => { readonly fd: number; readonly peer: Uint8Array } | undefined;

/** Accepts at a listening socket of a family that libuv refuses, see `Sockets.serve`. */
export class SocketListener implements Listener {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #accept: Accept;
  readonly #events: ListenerEvents;
  readonly #watch: Watch;
  #pause: NodeJS.Timeout | undefined;
  #closed = false;

  /** Takes the descriptor. */
  constructor(libc: Libc, fd: number, accept: Accept, events: ListenerEvents) {
    this.#libc = libc;
    this.#fd = fd;
    this.#accept = accept;
    this.#events = events;
    try {
      this.#watch = watchFd(libc, fd, { readable: true }, () => this.#acceptSome());
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#pause);
    this.#watch.close();
    closeFd(this.#fd);
  }

  ref(): void {
    this.#watch.ref();
  }

  unref(): void {
    this.#watch.unref();
  }

  #acceptSome(): void {
    for (let i = 0; !this.#closed && i < perTurn; i++) {
      let accepted: ReturnType<Accept>;
      try {
        accepted = this.#accept();
        if (accepted === undefined) return;
      } catch (error) {
        this.#refused(error);
        return;
      }
      this.#hand(accepted.fd, accepted.peer);
    }
  }

  #hand(fd: number, peer: Uint8Array): void {
    let stream: ReturnType<typeof socketStream>;
    try {
      stream = socketStream(this.#libc, fd, {});
    } catch (error) {
      this.#refused(error);
      return;
    }
    this.#events.connection(stream, peer);
  }

  #refused(error: unknown): void {
    const errno = errnoNameOf(error);
    if (errno !== "EMFILE" && errno !== "ENFILE" && errno !== "ENOMEM") {
      this.close();
      this.#events.error(error as Error);
      return;
    }
    this.#watch.update({});
    this.#pause = setTimeout(() => this.#watch.update({ readable: true }), exhaustedPause);
  }
}
