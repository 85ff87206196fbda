/** Ports of the host's side for connections that the host makes: above what services have, the upper half as Firecracker. */
const first = 0x40000000;
const last = 0x7fffffff;

/** Gives each connection that the host makes a port of its own; one is not given again before all others were. */
export class HostPorts {
  readonly #taken = new Set<number>();
  #next = first;

  /** A port that nobody has; there are more of them than connections. */
  take(): number {
    while (this.#taken.has(this.#next)) this.#advance();
    const port = this.#next;
    this.#taken.add(port);
    this.#advance();
    return port;
  }

  /** Gives a port back; one that was not taken is left alone. */
  free(port: number): void {
    this.#taken.delete(port);
  }

  #advance(): void {
    this.#next = this.#next === last ? first : this.#next + 1;
  }
}
