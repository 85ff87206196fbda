import type { IpPrefix } from "./address.js";
import type { IpFamily } from "./ip-address.js";

/** Routing tables: `RT_TABLE_*`. */
export const RouteTable = { default: 253, main: 254, local: 255 } as const;

/** Who made a route: `RTPROT_*`. */
export const RouteProtocol = { any: 0, redirect: 1, kernel: 2, boot: 3, static: 4, routerAdvertisement: 9 } as const;

/** `RTN_*`: only unicast routes go anywhere. */
export const RouteType = { unicast: 1, local: 2, broadcast: 3, multicast: 5, blackhole: 6, unreachable: 7 } as const;

/** `RTNH_F_*`: the gateway is reached on the link though no route says so. */
export const RouteFlag = { onLink: 4 } as const;

/** One way of a route. */
export interface NextHop {
  /** Index of the link it leaves by. */
  readonly link: number;
  readonly gateway?: string;
  /** `RTNH_F_*`. */
  readonly flags: number;
}

/** A route. */
export interface Route {
  readonly family: IpFamily;
  /** Absent: the default route. */
  readonly destination?: IpPrefix;
  /** At least one; several when it is spread. A gateway may be of the other family. */
  readonly hops: readonly NextHop[];
  /** Address packets are sent from. */
  readonly source?: string;
  /** The lower the better; 0 when it says none. */
  readonly priority: number;
  readonly table: number;
  readonly protocol: number;
  readonly scope: number;
  /** `RTN_*`. */
  readonly type: number;
  /** Bytes, when the route limits them. */
  readonly mtu?: number;
}

/** A new route through one link; what is absent is as `ip route` has it, scope included. */
export interface NewRoute
  extends Partial<Pick<Route, "destination" | "source" | "priority" | "table" | "protocol" | "scope" | "mtu">> {
  readonly family: IpFamily;
  readonly link: number;
  readonly gateway?: string;
  readonly onLink?: boolean;
}
