import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { InterfaceTools } from "../../../../guest/agent/network/interfaces.js";
import type { Rtnetlink } from "../../../../src/core/sys/netlink.js";
import { Scope } from "../../../../src/core/sys/netlink/address.js";
import { createLinuxSys } from "../../../../src/core/sys/linux/index.js";
import type { Sys } from "../../../../src/core/sys/sys.js";

/** What `ip -json` says. */
export interface Told {
  readonly ifname: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly addr_info: readonly { readonly family: string; readonly local: string; readonly prefixlen: number }[];
  readonly dst: string;
  readonly gateway: string;
  readonly dev: string;
  readonly lladdr: string;
  readonly state: readonly string[];
}

/**
 * A network namespace that the guest's agent takes for its guest's, with cards that are ends of veth pairs. Their slots are
 * directories, since the kernel makes none for such.
 */
export class GuestNamespace {
  readonly sys: Pick<Sys, "netlink">;
  readonly route: Rtnetlink;
  /** Names of the modules that were asked for. */
  readonly modules: string[] = [];
  readonly #real = createLinuxSys();
  readonly #directory = mkdtempSync(join(tmpdir(), "kata-ts-guest-net-"));
  readonly #namespace = join(this.#directory, "net");
  readonly #slots = new Map<string, number>();

  constructor() {
    this.#real.namespaces.createNetworkNamespace(this.#namespace);
    const { netlink } = this.#real;
    this.sys = { netlink: { route: () => netlink.route(this.#namespace), watch: netlink.watch.bind(netlink) } };
    this.route = netlink.route(this.#namespace);
  }

  /** What interfaces are set up with; `hotplugTime` is in milliseconds. */
  tools(hotplugTime = 10_000): InterfaceTools {
    this.#writeSlots();
    const load = async (name: string) => void this.modules.push(name);
    return { sys: this.sys, roots: { sys: join(this.#directory, "sys") }, modules: { load }, hotplugTime };
  }

  /** Plugs a card in: its path of slots. */
  plug(slot: string, name: string): string {
    this.route.createLink({ name }, { kind: "veth", peer: { name: `${name}-peer` } });
    const peer = this.route.link(`${name}-peer`)?.index ?? 0;
    this.route.changeLink(peer, { up: true });
    this.#slots.set(slot, this.index(name));
    this.#writeSlots();
    return slot;
  }

  index(name: string): number {
    const link = this.route.link(name);
    if (link === undefined) throw new Error(`the guest has no link ${name}`);
    return link.index;
  }

  /** Runs ip(8) in the namespace: what it says. */
  ip(...args: string[]): Told[] {
    const all = [`--net=${this.#namespace}`, "ip", "-json", ...args];
    return JSON.parse(execFileSync("nsenter", all, { encoding: "utf8" }) || "[]") as Told[];
  }

  /** The addresses of a link that are not the kernel's own, each with its prefix. */
  addresses(name: string): string[] {
    const [link] = this.ip("address", "show", name);
    const info = link?.addr_info ?? [];
    return info.filter(({ local }) => !local.startsWith("fe80:")).map((one) => `${one.local}/${one.prefixlen}`);
  }

  /** What an interface could be changed in, in words. */
  state(): string {
    const links = this.route.links().map(({ name, mtu, hardwareAddress }) => [name, mtu, hardwareAddress]);
    return JSON.stringify([links, this.route.addresses().filter(({ scope }) => scope !== Scope.link)]);
  }

  close(): void {
    this.route.close();
    this.#real.namespaces.removeNetworkNamespace(this.#namespace);
    rmSync(this.#directory, { recursive: true });
  }

  /** The kernel would rename a card's directory with the card. */
  #writeSlots(): void {
    const bus = join(this.#directory, "sys/devices/pci0000:00");
    rmSync(bus, { recursive: true, force: true });
    for (const [slot, index] of this.#slots) {
      const name = this.route.link(index)?.name;
      if (name !== undefined) mkdirSync(join(bus, `0000:00:${slot}.0`, "virtio3/net", name), { recursive: true });
    }
  }
}
