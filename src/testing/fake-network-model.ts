import type { NetworkJoin, NetworkModel } from "../core/contracts/network-model.js";
import type { Sys } from "../core/sys/sys.js";

/** A network model that makes a tap and joins it with nothing; it notes who is joined. */
export class FakeNetworkModel implements NetworkModel {
  readonly name = "fake";
  readonly attaches = true;
  /** Those that are joined now, by the names of their taps. */
  readonly joined = new Map<string, NetworkJoin>();
  /** Rejects the next `join` when set. */
  joinError: unknown;
  readonly #sys: Pick<Sys, "taps">;

  constructor(sys: Pick<Sys, "taps">) {
    this.#sys = sys;
  }

  async join(join: NetworkJoin): Promise<readonly number[]> {
    if (this.joinError !== undefined) throw this.joinError;
    const { tap: name, namespace, queuePairs } = join;
    const fds = this.#sys.taps.open({ name, namespace, queuePairs, exclusive: true });
    this.joined.set(name, join);
    return fds;
  }

  async part({ tap }: NetworkJoin): Promise<void> {
    this.joined.delete(tap);
  }
}
