import type { Logger } from "../log.js";
import type { SandboxRecord } from "../sandbox/record.js";
import type { Rtnetlink } from "../sys/netlink.js";
import { errnoNameOf } from "../sys/sys-error.js";
import type { Link } from "../sys/netlink/link.js";
import { type NewQdisc, TrafficHandle } from "../sys/netlink/traffic-control.js";
import { networkErrors } from "./errors.js";

/** A link of the pod on which qdiscs are hung. */
export interface QdiscPlace {
  readonly route: Rtnetlink;
  /** Path of the network namespace. */
  readonly namespace: string;
  readonly link: Link;
}

const { ingress, ingressQdisc, root } = TrafficHandle;

/** Hangs a qdisc on a link of the pod, noted in the record before it is there, and forgotten when it cannot be made. */
export function hangQdisc(record: SandboxRecord, place: QdiscPlace, qdisc: NewQdisc): void {
  noteQdisc(record, place, qdisc.kind === "tbf" ? root : ingress, () => place.route.addQdisc(qdisc));
}

/** The same for the place where frames come in, after removing what an earlier runtime has left there. */
export function hangIngress(record: SandboxRecord, log: Logger, place: QdiscPlace): void {
  const qdisc = { link: place.link.index, kind: "ingress" } as const;
  noteQdisc(record, place, ingress, () => {
    try {
      place.route.addQdisc(qdisc);
    } catch (error) {
      if (errnoNameOf(error) !== "EEXIST") throw error;
      clearStaleIngress(log, place);
      place.route.addQdisc(qdisc);
    }
  });
}

function noteQdisc(record: SandboxRecord, { namespace, link }: QdiscPlace, parent: number, add: () => void): void {
  const noted = { kind: "qdisc", namespace, link: link.name, parent } as const;
  record.network(noted);
  try {
    add();
  } catch (error) {
    record.forgetNetwork(noted);
    throw error;
  }
}

/**
 * Removes what an earlier runtime left at a link's ingress when it was killed: a qdisc all of whose filters redirect to
 * links that are no more. Anything else at that place is somebody's, and refused by name.
 */
function clearStaleIngress(log: Logger, { route, namespace, link }: QdiscPlace): void {
  const { index, name } = link;
  const taken = route.qdiscs(index).find(({ parent }) => parent === ingress);
  if (taken === undefined) return;
  const filters = route.filters(index, ingressQdisc);
  const isStale = ({ mirred }: (typeof filters)[number]) =>
    mirred?.mode === "redirect" && (mirred.link === 0 || route.link(mirred.link) === undefined);
  if (taken.kind === "ingress" && filters.length > 0 && filters.every(isStale)) {
    log.warn("removing a redirection to a link that is no more", { link: name, namespace });
    route.removeQdisc(index, ingress);
    return;
  }
  const what = filters.map(({ kind, priority }) => `${kind} of priority ${priority}`).join(", ");
  const { kind } = taken;
  throw networkErrors.KATA_NETWORK_QDISC_TAKEN({ link: name, namespace, kind, filters: what || "without filters" });
}

/** Redirects whatever comes in at a link that has an ingress qdisc out of another one. */
export function redirectIngress(route: Rtnetlink, from: Link, to: Link): void {
  const mirred = { mode: "redirect", direction: "egress", link: to.index } as const;
  route.addFilter({ link: from.index, parent: ingressQdisc, kind: "u32", mirred });
}
