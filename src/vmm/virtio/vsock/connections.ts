import type { Connection, ConnectionPorts } from "./connection.js";

const keyOf = ({ host, guest }: ConnectionPorts): string => `${host}:${guest}`;

/** The connections there are, and those of them that may have something for the guest, in the order in which they get a turn. */
export class Connections {
  readonly #all = new Map<string, Connection>();
  readonly #ready = new Set<Connection>();

  get size(): number {
    return this.#all.size;
  }

  get(ports: ConnectionPorts): Connection | undefined {
    return this.#all.get(keyOf(ports));
  }

  add(connection: Connection): void {
    this.#all.set(keyOf(connection.ports), connection);
  }

  delete(connection: Connection): void {
    this.#all.delete(keyOf(connection.ports));
    this.#ready.delete(connection);
  }

  /** Puts it behind the others that wait for their turn; one that is over has none. */
  wake(connection: Connection): void {
    if (this.get(connection.ports) === connection) this.#ready.add(connection);
  }

  /** Takes the first that waits for its turn. */
  takeReady(): Connection | undefined {
    const [connection] = this.#ready;
    if (connection !== undefined) this.#ready.delete(connection);
    return connection;
  }

  /** Ends all of them without a word to the guest. */
  abandon(): void {
    for (const connection of this.#all.values()) connection.abandon();
  }
}
