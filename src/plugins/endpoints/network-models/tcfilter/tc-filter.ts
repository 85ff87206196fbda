import type { NetworkJoin, NetworkModel } from "../../../../core/contracts/network-model.js";
import type { Logger } from "../../../../core/log.js";
import { closeFds } from "../../../../core/network/close-fds.js";
import { networkErrors } from "../../../../core/network/errors.js";
import { findLink } from "../../../../core/network/find-link.js";
import { hangIngress, hangQdisc, type QdiscPlace, redirectIngress } from "../../../../core/network/pod-qdisc.js";
import { rateLimit } from "../../../../core/network/rate-limit.js";
import { undoRecorded } from "../../../../core/network/recorded-changes.js";
import type { SandboxRecord } from "../../../../core/sandbox/record.js";
import { errnoNameOf } from "../../../../core/sys/sys-error.js";
import type { Sys } from "../../../../core/sys/sys.js";

/** What the model is made with. */
export interface TcFilterParts {
  readonly sys: Sys;
  readonly log: Logger;
  readonly record: SandboxRecord;
}

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
      const link = findLink(route, join.namespace, join.podInterface);
      fds = this.#openTap(join);
      this.#connect({ route, namespace: join.namespace, link }, join);
      return fds;
    } catch (error) {
      await closeFds(fds);
      throw error;
    } finally {
      route.close();
    }
  }

  async part({ namespace, podInterface }: NetworkJoin): Promise<void> {
    await undoRecorded(
      this.#sys,
      this.#record,
      (noted) => noted.kind === "qdisc" && noted.namespace === namespace && noted.link === podInterface,
    );
  }

  #openTap({ tap: name, namespace, queuePairs }: NetworkJoin): readonly number[] {
    try {
      return this.#sys.taps.open({ name, namespace, queuePairs, exclusive: true });
    } catch (cause) {
      if (errnoNameOf(cause) !== "EBUSY") throw cause;
      throw networkErrors.KATA_NETWORK_TAP_TAKEN({ tap: name, namespace }, { cause });
    }
  }

  #connect(place: QdiscPlace, { tap: tapName, rates }: NetworkJoin): void {
    const { route, namespace, link } = place;
    const tap = findLink(route, namespace, tapName);
    route.changeLink(tap.index, { mtu: link.mtu, up: true });
    if (rates.receive !== undefined) route.addQdisc(rateLimit(tap.index, rates.receive));
    if (rates.transmit !== undefined) hangQdisc(this.#record, place, rateLimit(link.index, rates.transmit));
    route.addQdisc({ link: tap.index, kind: "ingress" });
    redirectIngress(route, tap, link);
    hangIngress(this.#record, this.#log, place);
    redirectIngress(route, link, tap);
  }
}
