import type { NetworkJoin, NetworkModel } from "../../../../core/contracts/network-model.js";
import type { Logger } from "../../../../core/log.js";
import { closeFds } from "../../../../core/network/close-fds.js";
import { networkErrors } from "../../../../core/network/errors.js";
import { rateLimit } from "../../../../core/network/rate-limit.js";
import { undoNetwork } from "../../../../core/network/undo.js";
import type { RecordedNetwork, SandboxRecord } from "../../../../core/sandbox/record.js";
import { errnoNameOf } from "../../../../core/sys/sys-error.js";
import type { Rtnetlink } from "../../../../core/sys/netlink.js";
import type { Link } from "../../../../core/sys/netlink/link.js";
import { type NewQdisc, TrafficHandle } from "../../../../core/sys/netlink/traffic-control.js";
import type { Sys } from "../../../../core/sys/sys.js";

/** What the model is made with. */
export interface TcFilterParts {
  readonly sys: Sys;
  readonly log: Logger;
  readonly record: SandboxRecord;
}

/** Where qdiscs of the model hang. */
const { ingress, ingressQdisc, root } = TrafficHandle;

/**
 * Redirects what comes in at the pod's link to the tap, and what the guest sends by the tap to the link, before the host's
 * own network sees any of it. Rates are token buckets at the ends where frames leave: the tap's is what the guest receives.
 *
 * The tap vanishes by itself when nobody holds it. What stays after a crash are qdiscs of the pod's link, so these are in
 * the sandbox's record.
 */
export class TcFilter implements NetworkModel {
  readonly name = "tcfilter";
  readonly attaches = true;
  readonly #sys: Sys;
  readonly #log: Logger;
  readonly #record: SandboxRecord;

  constructor({ sys, log, record }: TcFilterParts) {
    this.#sys = sys;
    this.#log = log;
    this.#record = record;
  }

  async join(join: NetworkJoin): Promise<readonly number[]> {
    const route = this.#sys.netlink.route(join.namespace);
    let fds: readonly number[] = [];
    try {
      const pod = findLink(route, join, join.podInterface);
      fds = this.#openTap(join);
      const tap = findLink(route, join, join.tap);
      route.changeLink(tap.index, { mtu: pod.mtu, up: true });
      this.#redirect(route, join, pod, tap);
      if (join.rates.receive !== undefined) route.addQdisc(rateLimit(tap.index, join.rates.receive));
      return fds;
    } catch (error) {
      await closeFds(fds);
      throw error;
    } finally {
      route.close();
    }
  }

  async part(join: NetworkJoin): Promise<void> {
    for (const noted of this.#notes(join)) {
      if (!this.#record.content.network.some((one) => sameQdisc(one, noted))) continue;
      undoNetwork(this.#sys, noted);
      this.#record.forgetNetwork(noted);
    }
  }

  #openTap({ tap: name, namespace, queuePairs }: NetworkJoin): readonly number[] {
    try {
      return this.#sys.taps.open({ name, namespace, queuePairs, exclusive: true });
    } catch (cause) {
      if (errnoNameOf(cause) !== "EBUSY") throw cause;
      throw networkErrors.KATA_NETWORK_TAP_TAKEN({ tap: name, namespace }, { cause });
    }
  }

  #redirect(route: Rtnetlink, join: NetworkJoin, pod: Link, tap: Link): void {
    this.#clearStale(route, join, pod);
    const { transmit } = join.rates;
    this.#hang(route, join, { link: pod.index, kind: "ingress" }, ingress);
    if (transmit !== undefined) this.#hang(route, join, rateLimit(pod.index, transmit), root);
    route.addQdisc({ link: tap.index, kind: "ingress" });
    for (const [from, to] of [
      [pod, tap],
      [tap, pod],
    ] as const) {
      const mirred = { mode: "redirect", direction: "egress", link: to.index } as const;
      route.addFilter({ link: from.index, parent: ingressQdisc, kind: "u32", mirred });
    }
  }

  /** Hangs a qdisc on the pod's link, noted before it is there and forgotten when it could not be made. */
  #hang(route: Rtnetlink, { namespace, podInterface: link }: NetworkJoin, qdisc: NewQdisc, parent: number): void {
    const noted = { kind: "qdisc", namespace, link, parent } as const;
    this.#record.network(noted);
    try {
      route.addQdisc(qdisc);
    } catch (error) {
      this.#record.forgetNetwork(noted);
      throw error;
    }
  }

  /**
   * Removes what an earlier runtime left on the pod's link when it was killed: a qdisc whose only filter redirects to a tap
   * that is no more. Anything else at that place is somebody's, and refused by name.
   */
  #clearStale(route: Rtnetlink, { namespace, podInterface: name }: NetworkJoin, { index }: Link): void {
    const taken = route.qdiscs(index).find(({ parent }) => parent === ingress);
    if (taken === undefined) return;
    const filters = route.filters(index, ingressQdisc);
    const isStale = ({ mirred }: (typeof filters)[number]) =>
      mirred?.mode === "redirect" && (mirred.link === 0 || route.link(mirred.link) === undefined);
    if (taken.kind === "ingress" && filters.length > 0 && filters.every(isStale)) {
      this.#log.warn("removing a redirection to a tap that is no more", { link: name, namespace });
      route.removeQdisc(index, ingress);
      return;
    }
    const what = filters.map(({ kind, priority }) => `${kind} of priority ${priority}`).join(", ");
    const { kind } = taken;
    throw networkErrors.KATA_NETWORK_QDISC_TAKEN({ link: name, namespace, kind, filters: what || "without filters" });
  }

  /** Everything that `join` may have noted, the last first. */
  #notes({ namespace, podInterface: link }: NetworkJoin): (RecordedNetwork & { readonly kind: "qdisc" })[] {
    return [root, ingress].map((parent) => ({ kind: "qdisc", namespace, link, parent }));
  }
}

function findLink(route: Rtnetlink, { namespace }: NetworkJoin, name: string): Link {
  const link = route.link(name);
  if (link !== undefined) return link;
  const there = route.links().map((one) => one.name);
  throw networkErrors.KATA_NETWORK_LINK_GONE({ link: name, namespace, there });
}

const sameQdisc = (one: RecordedNetwork, other: RecordedNetwork & { readonly kind: "qdisc" }): boolean =>
  one.kind === "qdisc" && one.namespace === other.namespace && one.link === other.link && one.parent === other.parent;
