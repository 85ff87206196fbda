import type { Watch } from "../descriptors.js";
import type { Namespaces } from "../namespaces.js";
import type { LinkWatch } from "../netlink.js";
import type { PathOrFd } from "../path-or-fd.js";
import type { Sockets } from "../sockets.js";
import { errnoNameOf } from "../sys-error.js";
import { closeFd } from "./close-fd.js";
import type { Libc } from "./libc.js";
import { openNetlink } from "./netlink-socket.js";
import { watchFd } from "./watch.js";

/** `RTMGRP_*`: links, addresses and routes of both families. */
const groups = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;

/** What is told is not read, only that something is; a message cut short does no harm. */
const scratchBytes = 4096;

/** `Netlink.watch` by a socket that is told of changes. */
export class LinuxLinkWatch implements LinkWatch {
  readonly #sockets: Sockets;
  readonly #fd: number;
  readonly #scratch = Buffer.alloc(scratchBytes);
  readonly #watch: Watch;
  #closed = false;

  constructor(
    libc: Libc,
    sockets: Sockets,
    namespaces: Namespaces,
    namespace: PathOrFd,
    { changed, error }: { readonly changed: () => void; readonly error: (error: Error) => void },
  ) {
    this.#sockets = sockets;
    this.#fd = openNetlink(sockets, namespaces, namespace, { groups, nonBlocking: true });
    try {
      this.#watch = watchFd(libc, this.#fd, { readable: true }, () => {
        try {
          this.#drain();
        } catch (cause) {
          this.close();
          error(cause as Error);
          return;
        }
        changed();
      });
    } catch (cause) {
      closeFd(this.#fd);
      throw cause;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.close();
    closeFd(this.#fd);
  }

  ref(): void {
    this.#watch.ref();
  }

  unref(): void {
    this.#watch.unref();
  }

  /** Reads all there is; ENOBUFS only says that some was lost, which is a change like any other. */
  #drain(): void {
    for (;;) {
      try {
        if (this.#sockets.receive(this.#fd, this.#scratch) === undefined) return;
      } catch (error) {
        if (errnoNameOf(error) !== "ENOBUFS") throw error;
      }
    }
  }
}
