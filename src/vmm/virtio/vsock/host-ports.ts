/** Ports of the host's side for connections that the host makes: above what services have, from where Firecracker has them. */
const first = 0x40000000;
const last = 0x7fffffff;

/** Gives each connection that the host makes a port of its own; one is not given again before all others were. */
export class HostPorts {
  #next = first;

  /** A port that is not taken; there are more of them than connections. */
  take(isTaken: (port: number) => boolean): number {
    for (;;) {
      const port = this.#next;
      this.#next = port === last ? first : port + 1;
      if (!isTaken(port)) return port;
    }
  }
}
