import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SandboxRecord } from "../../src/core/sandbox/record.js";
import type { Rtnetlink } from "../../src/core/sys/netlink.js";
import { AddressFlag } from "../../src/core/sys/netlink/address.js";
import { createLinuxSys } from "../../src/core/sys/linux/index.js";

/** A queueing discipline or a link as `tc -json` and `ip -json` tell of it. */
export type Told = Readonly<Record<string, unknown>>;

/**
 * A pod's network namespace with `eth0`, whose other end `peer0` is in a second one that stands for the host. Nothing of the
 * machine's own network is touched.
 */
export class TestPod {
  readonly sys = createLinuxSys();
  readonly directory: string;
  readonly namespace: string;
  readonly host: string;
  readonly record: SandboxRecord;
  readonly route: Rtnetlink;
  readonly hostRoute: Rtnetlink;
  /** Names of what the kernel puts into every namespace: the loopback, and tunnels where it has loaded them. */
  readonly #own: readonly string[];

  /** `root` is where its directory is made. */
  constructor(root = tmpdir()) {
    this.directory = mkdtempSync(join(root, "kata-ts-pod-"));
    this.namespace = join(this.directory, "pod");
    this.host = join(this.directory, "host");
    this.record = SandboxRecord.create(this.directory, { namespace: "test", id: "pod" });
    const { namespaces, netlink } = this.sys;
    namespaces.createNetworkNamespace(this.namespace);
    namespaces.createNetworkNamespace(this.host);
    this.route = netlink.route(this.namespace);
    this.hostRoute = netlink.route(this.host);
    this.#own = this.route.links().map(({ name }) => name);
    this.addPair("eth0", "peer0", 1);
  }

  /** Adds a pair with the addresses 10.1.`number`.2 and fd01:`number`::2 in the pod, `.1` on the other side. */
  addPair(name: string, peer: string, number: number): void {
    this.route.createLink({ name, hardwareAddress: mac(number, 2) }, { kind: "veth", peer: { name: peer } });
    this.inHost((fd) => this.route.changeLink(this.index(peer), { namespace: fd }));
    const peerIndex = this.hostRoute.link(peer)?.index ?? 0;
    this.hostRoute.changeLink(peerIndex, { up: true, hardwareAddress: mac(number, 1) });
    this.route.changeLink(this.index(name), { up: true });
    for (const [route, link, last] of [
      [this.route, this.index(name), 2],
      [this.hostRoute, peerIndex, 1],
    ] as const) {
      route.addAddress({ link, family: "ipv4", address: `10.1.${number}.${last}`, prefix: 24 });
      const flags = AddressFlag.noDuplicateCheck;
      route.addAddress({ link, family: "ipv6", address: `fd01:${number}::${last}`, prefix: 64, flags });
    }
  }

  /** Names of the links in the pod that were made. */
  links(): string[] {
    return this.route
      .links()
      .map(({ name }) => name)
      .filter((name) => !this.#own.includes(name));
  }

  /** Index of a link in the pod. */
  index(name: string): number {
    const link = this.route.link(name);
    if (link === undefined) throw new Error(`the pod has no link ${name}`);
    return link.index;
  }

  /** Runs a program in the pod's namespace, or in the host's. */
  run(program: string, args: readonly string[], namespace = this.namespace): string {
    return execFileSync("nsenter", [`--net=${namespace}`, program, ...args], { encoding: "utf8", stdio: "pipe" });
  }

  /** What a program says in JSON of the pod's namespace. */
  told(program: "ip" | "tc", ...args: string[]): Told[] {
    return JSON.parse(this.run(program, ["-json", "-details", ...args]) || "[]") as Told[];
  }

  /** Everything of the pod's namespace that an endpoint might change, in words. */
  state(): string {
    const lines = ["link", "address", "route", "-6 route"].map((what) => this.run("ip", ["-o", ...what.split(" ")]));
    return [...lines, this.run("tc", ["qdisc", "show"])]
      .join("\n")
      .replaceAll(/ tentative|valid_lft \S+|preferred_lft \S+/g, "");
  }

  close(): void {
    this.route.close();
    this.hostRoute.close();
    this.sys.namespaces.removeNetworkNamespace(this.namespace);
    this.sys.namespaces.removeNetworkNamespace(this.host);
    rmSync(this.directory, { recursive: true });
  }

  inHost(act: (fd: number) => void): void {
    const fd = openSync(this.host, "r");
    try {
      act(fd);
    } finally {
      closeSync(fd);
    }
  }
}

/** The hardware address of an end of a pair. */
export const mac = (number: number, last: number): string =>
  `02:00:00:00:0${number.toString(16)}:0${last.toString(16)}`;
