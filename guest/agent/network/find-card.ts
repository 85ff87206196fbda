import { join } from "node:path";
import type { Interface } from "../../../src/core/proto/gen/kata/types.js";
import type { Rtnetlink } from "../../../src/core/sys/netlink.js";
import { type Link, LinkFlag } from "../../../src/core/sys/netlink/link.js";
import { entries, pciDirectory } from "../machine/pci-path.js";
import type { AgentRoots } from "../roots.js";

/** A card by the PCI slot it is in, or by its hardware address when the host names none; undefined while it is not there. */
export function findCard(
  roots: Pick<AgentRoots, "sys">,
  route: Pick<Rtnetlink, "links" | "link">,
  { hwAddr, devicePath }: Pick<Interface, "hwAddr" | "devicePath">,
): Link | undefined {
  if (devicePath !== "") {
    const name = cardAt(roots, devicePath);
    return name === undefined ? undefined : route.link(name);
  }
  const address = hwAddr.toLowerCase();
  const isCard = ({ kind, flags }: Link) => kind === undefined && (flags & LinkFlag.loopback) === 0;
  return route.links().find((link) => link.hardwareAddress === address && isCard(link));
}

/** Name of the link that the device in a slot makes: of a virtio card's own device, or of the PCI device itself. */
function cardAt(roots: Pick<AgentRoots, "sys">, path: string): string | undefined {
  const directory = pciDirectory(roots, path);
  if (directory === undefined) return undefined;
  const virtio = entries(directory).filter((name) => /^virtio\d+$/.test(name));
  return [...virtio.map((name) => join(directory, name)), directory].flatMap((one) => entries(join(one, "net")))[0];
}
