import { Socket } from "node:net";
import type { Deadline } from "../../core/deadline.js";
import { errnoNumber } from "../../core/sys/errno.js";
import type { Listener } from "../../core/sys/sockets.js";
import type { Sys } from "../../core/sys/sys.js";
import { SysError } from "../../core/sys/sys-error.js";
import { anyPort, localCid, type Vsock, type VsockAddress, type VsockListenerEvents } from "../../core/sys/vsock.js";

const firstPort = 50_000;

/** A vsock within this process: a listener is reached at its port under every context. */
export class FakeVsock implements Vsock {
  readonly #real: Sys;
  readonly #listeners = new Map<number, VsockListenerEvents>();
  #nextPort = firstPort;

  constructor(real: Sys) {
    this.#real = real;
  }

  async connect({ cid, port }: VsockAddress, _deadline: Deadline): Promise<Socket> {
    const listener = this.#listeners.get(port);
    if (listener === undefined) {
      throw new SysError("fake connect", [`vsock ${cid}:${port}`], errnoNumber("ECONNRESET") ?? 0, "ECONNRESET");
    }
    const [ours, theirs] = this.#real.sockets.pair();
    const peer = { cid: localCid, port: this.#nextPort++ };
    setImmediate(() => listener.connection(new Socket({ fd: theirs, allowHalfOpen: true }), peer));
    return new Socket({ fd: ours, allowHalfOpen: true });
  }

  listen(address: VsockAddress, events: VsockListenerEvents): Listener & { readonly address: VsockAddress } {
    const port = address.port === anyPort ? this.#nextPort++ : address.port;
    if (this.#listeners.has(port)) {
      throw new SysError("fake bind", [`vsock port ${port}`], errnoNumber("EADDRINUSE") ?? 0, "EADDRINUSE");
    }
    this.#listeners.set(port, events);
    return {
      address: { cid: address.cid, port },
      close: () => this.#listeners.delete(port),
      ref: () => undefined,
      unref: () => undefined,
    };
  }

  localCid(): number {
    return localCid;
  }
}
