/** Where a qdisc or a filter hangs: `TC_H_*`, linux/pkt_sched.h. A handle is 16 bits of major above 16 of minor. */
export const TrafficHandle = {
  root: 0xffffffff,
  ingress: 0xfffffff1,
  /** Of the ingress qdisc itself, `ffff:`: parent of its filters. */
  ingressQdisc: 0xffff0000,
  clsactIngress: 0xfffffff2,
  clsactEgress: 0xfffffff3,
} as const;

/** A queueing discipline of a link. */
export interface Qdisc {
  /** The link's index. */
  readonly link: number;
  readonly kind: string;
  readonly handle: number;
  readonly parent: number;
  readonly tokenBucket?: TokenBucket;
}

/** Lets a rate through, in bursts (tc-tbf(8)). All in bytes, the rate a second. */
export interface TokenBucket {
  readonly rate: number;
  /** What may go at once. */
  readonly burst: number;
  /** What may wait; more is dropped. */
  readonly limit: number;
}

/** A qdisc to be made: `ingress` and `clsact` have places of their own, a token bucket is the root. */
export type NewQdisc =
  | { readonly link: number; readonly kind: "ingress" | "clsact" }
  | { readonly link: number; readonly kind: "tbf"; readonly tokenBucket: TokenBucket };

/** Sends a frame to another link, or a copy of it. */
export interface Mirred {
  readonly mode: "redirect" | "mirror";
  /** Whether it leaves by that link, or comes in there. */
  readonly direction: "egress" | "ingress";
  /** Index of the link; 0 when that is gone. */
  readonly link: number;
}

/** A filter of a qdisc. */
export interface Filter {
  /** The link's index. */
  readonly link: number;
  readonly parent: number;
  readonly kind: string;
  readonly priority: number;
  readonly handle: number;
  /** `ETH_P_*`. */
  readonly protocol: number;
  readonly mirred?: Mirred;
}

/** A filter that takes every frame: by `u32`, which every kernel has, or by `matchall`. */
export interface NewFilter {
  readonly link: number;
  readonly parent: number;
  readonly kind: "u32" | "matchall";
  /** The kernel chooses when it is absent. */
  readonly priority?: number;
  readonly mirred: Mirred;
}
