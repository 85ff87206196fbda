import type { IpFamily } from "./ip-address.js";

/** `NUD_*`. */
export const NeighborState = { reachable: 0x02, stale: 0x04, noArp: 0x40, permanent: 0x80 } as const;

/** An entry of a link's neighbour table. */
export interface Neighbor {
  /** The link's index. */
  readonly link: number;
  readonly family: IpFamily;
  readonly address: string;
  /** Lower case with colons; absent while it is looked for. */
  readonly hardwareAddress?: string;
  /** `NUD_*`. */
  readonly state: number;
  /** `NTF_*`. */
  readonly flags: number;
}
