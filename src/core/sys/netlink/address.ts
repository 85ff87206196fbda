import type { IpFamily } from "./ip-address.js";

/** An address with the length of its network's prefix, in bits. */
export interface IpPrefix {
  readonly address: string;
  readonly prefix: number;
}

/** Where an address or a route is valid: `RT_SCOPE_*`. */
export const Scope = { universe: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;

/** `IFA_F_*`. */
export const AddressFlag = {
  noDuplicateCheck: 0x02,
  duplicate: 0x08,
  deprecated: 0x20,
  tentative: 0x40,
  permanent: 0x80,
} as const;

/** An address of a link. */
export interface LinkAddress extends IpPrefix {
  /** The link's index. */
  readonly link: number;
  readonly family: IpFamily;
  /** The other end's address of a point-to-point link; `prefix` is of that then. */
  readonly peer?: string;
  readonly broadcast?: string;
  readonly scope: number;
  /** `IFA_F_*`. */
  readonly flags: number;
}

/** A new address; `scope` is the universe unless told. */
export type NewAddress = Pick<LinkAddress, "link" | "family" | "address" | "prefix" | "peer" | "broadcast"> &
  Partial<Pick<LinkAddress, "scope" | "flags">>;
