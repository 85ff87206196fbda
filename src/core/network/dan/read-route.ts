import type { GuestAddressing, GuestRoute } from "../../contracts/guest.js";
import { networkOf } from "../../sys/netlink/ip-address.js";
import { mostMtu } from "../mtu.js";
import type { Field } from "./field.js";
import { readAddress, readPrefixed } from "./values.js";

/** The largest number of 32 bits. */
export const most32 = 2 ** 32 - 1;

/** One of the addresses of a route, and where it stands. */
interface End extends GuestAddressing {
  readonly at: Field;
}

/** A route through an interface. An empty text says as little as one that is left out, as in Kata. */
export function readRoute(field: Field, device: string): GuestRoute {
  const route = field.object(["dest", "gateway", "source", "scope", "flags", "mtu"]);
  const dest = readEnd(route.optional("dest"), readDestination);
  const gateway = readEnd(route.optional("gateway"), readAddress);
  const source = readEnd(route.optional("source"), readAddress);
  const [first, ...others] = [dest, gateway, source].filter((end) => end !== undefined);
  if (first === undefined) throw field.refuse(" without dest, gateway and source; a route has one of them at least");
  const { family } = first;
  for (const end of others) {
    if (end.family !== family) throw end.at.refuse(`, and ${first.at.path} is of another family`);
  }
  const mtu = route.optional("mtu")?.integer(0, mostMtu, " bytes") ?? 0;
  return {
    destination: dest === undefined || dest.prefix === 0 ? "" : `${dest.address}/${dest.prefix}`,
    ...(gateway !== undefined && { gateway: gateway.address }),
    device,
    ...(source !== undefined && { source: source.address }),
    scope: route.optional("scope")?.integer(0, 255) ?? 0,
    family,
    flags: route.optional("flags")?.integer(0, most32) ?? 0,
    ...(mtu > 0 && { mtu }),
  };
}

function readEnd(at: Field | undefined, read: (field: Field) => GuestAddressing): End | undefined {
  return at === undefined || at.text() === "" ? undefined : { at, ...read(at) };
}

/** The kernel refuses a network that has bits beyond its prefix. */
function readDestination(field: Field): GuestAddressing {
  const destination = readPrefixed(field);
  const { family, address, prefix } = destination;
  const network = networkOf(family, address, prefix);
  if (address === network) return destination;
  throw field.refuse(`, an address in the network ${network}/${prefix}, which is what a route goes to`);
}
