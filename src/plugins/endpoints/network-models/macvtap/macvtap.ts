import type { NetworkJoin, NetworkModel } from "../../../../core/contracts/network-model.js";
import type { Logger } from "../../../../core/log.js";
import { networkErrors } from "../../../../core/network/errors.js";
import { findLink } from "../../../../core/network/find-link.js";
import { hangIngress, redirectIngress } from "../../../../core/network/pod-qdisc.js";
import { rateLimit } from "../../../../core/network/rate-limit.js";
import { undoRecorded } from "../../../../core/network/recorded-changes.js";
import type { SandboxRecord } from "../../../../core/sandbox/record.js";
import type { Rtnetlink } from "../../../../core/sys/netlink.js";
import type { Link } from "../../../../core/sys/netlink/link.js";
import { errnoNameOf } from "../../../../core/sys/sys-error.js";
import type { Sys } from "../../../../core/sys/sys.js";

/** What the model is made with. */
export interface MacvtapParts {
  readonly sys: Sys;
  readonly log: Logger;
  readonly record: SandboxRecord;
}

/** Name of the link through which frames for the guest pass when their rate is limited. */
const limiterName = (tap: string): string => tap.replace(/^tap/, "ifb");

/**
 * Stands a macvtap in passthru mode on the pod's link: it has the link's hardware address and takes all its frames, so
 * nothing of the link itself is changed. What the guest sends is limited by a token bucket of the macvtap; what it receives
 * never leaves by the macvtap, and so goes round through a link `ifb` that has one.
 */
export class Macvtap implements NetworkModel {
  readonly name = "macvtap";
  readonly attaches = true;
  readonly #sys: Sys;
  readonly #log: Logger;
  readonly #record: SandboxRecord;

  constructor({ sys, log, record }: MacvtapParts) {
    this.#sys = sys;
    this.#log = log;
    this.#record = record;
  }

  async join(join: NetworkJoin): Promise<readonly number[]> {
    const { namespace, podInterface, tap: name, queuePairs, rates } = join;
    const route = this.#sys.netlink.route(namespace);
    try {
      const link = findLink(route, namespace, podInterface);
      const { mtu, index: parent } = link;
      if (rates.receive !== undefined) this.#limitReceive(route, join, link, rates.receive);
      const made = this.#make(route, join, name, () =>
        route.createLink({ name, mtu, transmitQueues: queuePairs }, { kind: "macvtap", parent, mode: "passthru" }),
      );
      if (rates.transmit !== undefined) route.addQdisc(rateLimit(made.index, rates.transmit));
      route.changeLink(made.index, { up: true });
      return this.#sys.taps.openMacvtap({ name, index: made.index, namespace, queuePairs });
    } finally {
      route.close();
    }
  }

  async part({ namespace, podInterface, tap }: NetworkJoin): Promise<void> {
    const names = [podInterface, tap, limiterName(tap)];
    await undoRecorded(
      this.#sys,
      this.#record,
      (noted) => noted.kind !== "driver" && noted.namespace === namespace && names.includes(noted.link),
    );
  }

  #limitReceive(route: Rtnetlink, join: NetworkJoin, link: Link, rate: number): void {
    const place = { route, namespace: join.namespace, link };
    const name = limiterName(join.tap);
    const limiter = this.#make(route, join, name, () => route.createLink({ name }, { kind: "ifb" }));
    route.changeLink(limiter.index, { up: true, mtu: link.mtu });
    route.addQdisc(rateLimit(limiter.index, rate));
    hangIngress(this.#record, this.#log, place);
    redirectIngress(route, link, limiter);
  }

  /** Makes a link, noted before it is there and forgotten when it could not be made: then it is somebody's. */
  #make(route: Rtnetlink, { namespace }: NetworkJoin, name: string, make: () => void): Link {
    const noted = { kind: "link", namespace, link: name } as const;
    this.#record.network(noted);
    try {
      make();
    } catch (error) {
      this.#record.forgetNetwork(noted);
      if (errnoNameOf(error) !== "EEXIST") throw error;
      throw networkErrors.KATA_NETWORK_TAP_TAKEN({ tap: name, namespace }, { cause: error });
    }
    return findLink(route, namespace, name);
  }
}
