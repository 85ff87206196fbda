import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pciAddressOf } from "../../../src/core/network/pci-address.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import type { Rtnetlink } from "../../../src/core/sys/netlink.js";
import type { Link } from "../../../src/core/sys/netlink/link.js";
import { addAddress } from "../add-address.js";
import { cardAddresses } from "./host-vm.js";

/** The two network cards of the host machine. What is taken from its namespace is put back by `close`. */
export class HostCards {
  readonly #sys = createLinuxSys();
  readonly #directory = mkdtempSync(join(tmpdir(), "kata-ts-cards-"));
  readonly #home = this.#sys.netlink.route();
  readonly #names: readonly string[];
  #served: string | undefined;

  constructor() {
    this.#names = cardAddresses.map((address) => linkAt(this.#home, address).name);
  }

  /** PCI address of a card. */
  address(card: 0 | 1): string {
    return cardAddresses[card];
  }

  /** Name of its link in the machine's own namespace. */
  name(card: 0 | 1): string {
    return this.#names[card] ?? "";
  }

  /** Moves the link of a card to a namespace, under a name. */
  moveTo(card: 0 | 1, namespace: string, name = this.name(card)): void {
    const fd = openSync(namespace, "r");
    try {
      this.#home.changeLink(linkAt(this.#home, cardAddresses[card]).index, { namespace: fd, name });
    } finally {
      closeSync(fd);
    }
  }

  /** Moves the link of a card to a namespace of its own, where it has these addresses (`10.0.0.1/24`). */
  serve(card: 0 | 1, addresses: readonly string[]): void {
    this.#served = join(this.#directory, "wire");
    this.#sys.namespaces.createNetworkNamespace(this.#served);
    this.moveTo(card, this.#served);
    const route = this.#sys.netlink.route(this.#served);
    try {
      const { index: link } = linkAt(route, cardAddresses[card]);
      route.changeLink(link, { up: true });
      for (const text of addresses) addAddress(route, link, text);
    } finally {
      route.close();
    }
  }

  /** Whether the link of a card is in the machine's own namespace. */
  isHome(card: 0 | 1): boolean {
    return this.#home.links().some((link) => isAt(link, cardAddresses[card]));
  }

  /** A link of the machine's devices comes home by itself when its namespace ends. */
  close(): void {
    if (this.#served !== undefined) this.#sys.namespaces.removeNetworkNamespace(this.#served);
    this.#home.close();
    rmSync(this.#directory, { recursive: true });
  }
}

const isAt = ({ device }: Link, address: string): boolean => device !== undefined && pciAddressOf(device) === address;

function linkAt(route: Rtnetlink, address: string): Link {
  const link = route.links().find((one) => isAt(one, address));
  if (link === undefined) throw new Error(`no link of the device ${address}`);
  return link;
}
