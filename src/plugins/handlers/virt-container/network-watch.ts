import { setTimeout as sleep } from "node:timers/promises";
import { describeError } from "../../../core/errors/error.js";
import type { Logger } from "../../../core/log.js";
import type { PodNetwork } from "../../../core/network/pod-network.js";
import type { LinkWatch } from "../../../core/sys/netlink.js";

/** Milliseconds in which changes that come one after the other, a link, its addresses, its routes, count as one. */
const settleMs = 25;

/**
 * Keeps the guest's network as the pod's: links that appear after the machine has started (Docker makes them then) get a
 * card, those that go lose theirs. A link that cannot be added is logged and tried again at the next change.
 */
export class NetworkWatch {
  readonly #network: Pick<PodNetwork, "update" | "links">;
  readonly #log: Logger;
  readonly #abort = new AbortController();
  readonly #followed: () => void;
  #watch: LinkWatch | undefined;
  #dirty = false;
  #updating: Promise<void> | undefined;

  private constructor(network: Pick<PodNetwork, "update" | "links">, log: Logger, followed: () => void) {
    this.#network = network;
    this.#log = log;
    this.#followed = followed;
  }

  /** Begins it; undefined when the network never changes. `followed` is called after each change, done in full or in part. */
  static begin(
    network: Pick<PodNetwork, "update" | "links" | "watch">,
    log: Logger,
    followed: () => void = () => undefined,
  ): NetworkWatch | undefined {
    const one = new NetworkWatch(network, log, followed);
    one.#watch = network.watch({
      changed: () => one.#changed(),
      error: (error) => log.error("the pod's network is no longer watched", { error: describeError(error) }),
    });
    if (one.#watch === undefined) return undefined;
    one.#watch.unref();
    // What has changed before the watch began is found now.
    one.#changed();
    return one;
  }

  /** Ends it, after an update that is under way. Idempotent. */
  async close(): Promise<void> {
    this.#abort.abort(new Error("the sandbox is being stopped"));
    this.#watch?.close();
    await this.#updating;
  }

  #changed(): void {
    this.#dirty = true;
    this.#updating ??= this.#updateAll().finally(() => (this.#updating = undefined));
  }

  async #updateAll(): Promise<void> {
    const { signal } = this.#abort;
    while (this.#dirty && !signal.aborted) {
      await sleep(settleMs, undefined, { ref: false });
      this.#dirty = false;
      if (signal.aborted) return;
      try {
        if (!(await this.#network.update(signal))) continue;
        this.#followed();
        this.#log.info("the pod's network has changed", { links: this.#network.links });
      } catch (error) {
        this.#followed();
        if (!signal.aborted)
          this.#log.warn("the guest cannot follow the pod's network", { error: describeError(error) });
      }
    }
  }
}
