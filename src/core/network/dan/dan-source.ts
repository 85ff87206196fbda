import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import type { LinkInfo } from "../../contracts/endpoint.js";
import type { GuestInterface } from "../../contracts/guest.js";
import { codeOf, type KataError, messageOf } from "../../errors/error.js";
import type { Rtnetlink } from "../../sys/netlink.js";
import { LinkFlag } from "../../sys/netlink/link.js";
import type { Sys } from "../../sys/sys.js";
import { PodNamespace } from "../pod-namespace.js";
import type { PodNetworkSource, PodNetworkState } from "../pod-network-source.js";
import { isHeldTap, isTap } from "../tap-link.js";
import type { DanDevice, DanFile } from "./dan-file.js";
import { danErrors } from "./errors.js";
import { type FoundDan, readDanFile } from "./find-dan-file.js";
import { parseDan } from "./parse-dan.js";

/**
 * The interfaces that a DAN file describes. It is read once, since it never changes for a pod that runs. Of a namespace only
 * the taps that the file names are looked at: those of its `netns`, or else of the pod's namespace.
 */
export class DanSource implements PodNetworkSource {
  readonly name: string;
  readonly #sys: Pick<Sys, "namespaces" | "netlink">;
  readonly #found: FoundDan;
  readonly #podNamespace: string | undefined;
  #file: DanFile = { devices: [] };
  #held: PodNamespace | undefined;

  /** `podNamespace` is the path of the pod's own network namespace, if it has one. */
  constructor(sys: Pick<Sys, "namespaces" | "netlink">, found: FoundDan, podNamespace: string | undefined) {
    this.name = found.file;
    this.#sys = sys;
    this.#found = found;
    this.#podNamespace = podNamespace;
  }

  get namespace(): string {
    return this.#file.netns ?? this.#podNamespace ?? "";
  }

  open(): void {
    this.#file = parseDan(readDanFile(this.#found), this.name);
    const tap = this.#file.devices.findIndex(({ backend }) => backend.type === "host-tap");
    if (tap < 0) return;
    if (this.namespace === "") {
      const problem = "is a tap, and neither the pod nor the file has a network namespace to look for it; write netns";
      throw this.#refuse(`devices[${tap}].device`, problem);
    }
    this.#held = PodNamespace.open(this.#sys.namespaces, this.namespace, { own: this.#file.netns !== undefined });
  }

  read(): PodNetworkState {
    const { devices } = this.#file;
    const route = this.#held && this.#sys.netlink.route(this.#held.fd);
    try {
      return {
        links: devices.map((device, index) => this.#link(device, `devices[${index}].device`, route)),
        routes: devices.flatMap(({ routes }) => routes),
        neighbors: devices.flatMap(({ neighbors }) => neighbors),
      };
    } finally {
      route?.close();
    }
  }

  close(): void {
    this.#held?.close();
    this.#held = undefined;
  }

  #link(device: DanDevice, field: string, route: Rtnetlink | undefined): LinkInfo {
    const { backend } = device;
    if (backend.type === "vhost-user") return this.#served(device, backend.socket, `${field}.path`);
    if (route === undefined) throw new Error("a tap is looked for in a namespace that is open");
    return this.#tap(device, backend.tap, `${field}.tap_name`, route);
  }

  /** A card that another program serves. */
  #served(device: DanDevice, socket: string, field: string): LinkInfo {
    const problem = socketProblem(socket);
    if (problem !== undefined) throw this.#refuse(field, `is ${JSON.stringify(socket)}, which ${problem}`);
    const { name, card, mtu } = device;
    const { hardwareAddress = privateAddress() } = card;
    return {
      name,
      index: 0,
      kind: "vhost-user",
      hardwareAddress,
      mtu,
      flags: 0,
      details: {},
      vhostUserSocket: socket,
      card,
      guest: guestInterface(device, hardwareAddress),
    };
  }

  /** A card whose other end is a tap of the namespace. */
  #tap(device: DanDevice, name: string, field: string, route: Rtnetlink): LinkInfo {
    const { card, mtu } = device;
    const fail = (problem: string) => this.#refuse(field, `is ${JSON.stringify(name)}, ${problem}`);
    const link = route.link(name);
    if (link === undefined) {
      const there = route.links().map((one) => one.name);
      throw fail(`which is not in ${this.namespace}; there are: ${there.join(", ") || "none"}`);
    }
    const { index, kind = "device", flags, details, hardwareAddress } = link;
    if (!isTap({ kind, details })) throw fail(`which is no tap in ${this.namespace} but of the kind "${kind}"`);
    if (isHeldTap({ flags })) throw fail(`and a program holds that tap of ${this.namespace} already`);
    const pairs = card.queuePairs ?? 1;
    if (pairs > 1 && details.tun?.multiQueue !== true) {
      throw fail(`which has one queue, and queue_num asks for ${pairs}; make it with multi_queue`);
    }
    const guest = guestInterface(device, card.hardwareAddress ?? hardwareAddress);
    return { name, index, kind, hardwareAddress, mtu, flags, details, card, guest };
  }

  #refuse(field: string, problem: string): KataError {
    return danErrors.KATA_DAN_DEVICE({ file: this.name, field, problem });
  }
}

function guestInterface(device: DanDevice, hardwareAddress: string): GuestInterface {
  const { name, addresses, mtu, type, flags } = device;
  return {
    device: name,
    name,
    addresses,
    mtu,
    hardwareAddress,
    ...(type !== undefined && { type }),
    ...((flags & LinkFlag.noArp) !== 0 && { flags: LinkFlag.noArp }),
  };
}

/** What keeps a path from being a socket to connect to; undefined when nothing does. */
function socketProblem(path: string): string | undefined {
  try {
    return statSync(path).isSocket() ? undefined : "is no socket";
  } catch (error) {
    return codeOf(error) === "ENOENT" ? "is not there" : `cannot be looked at: ${messageOf(error)}`;
  }
}

/** A MAC that nobody was given: random, of one station, and marked as local. */
function privateAddress(): string {
  const bytes = randomBytes(6);
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
