import type { CardWish } from "../../contracts/endpoint.js";
import type { GuestNeighbor } from "../../contracts/guest.js";
import { messageOf } from "../../errors/error.js";
import { NeighborState } from "../../sys/netlink/neighbor.js";
import { leastMtu, mostMtu } from "../mtu.js";
import { type DanBackend, type DanDevice, type DanFile, danTypes } from "./dan-file.js";
import { danErrors } from "./errors.js";
import { Field } from "./field.js";
import { most32, readRoute } from "./read-route.js";
import {
  readCardAddress,
  readHardwareAddress,
  readLinkName,
  readMaybePrefixed,
  readOwnAddress,
  readPath,
  readSocketPath,
} from "./values.js";

/** Bytes of an Ethernet interface's MTU that says none. */
const usualMtu = 1500;

/** Queue pairs of a tap at most: `MAX_TAP_QUEUES` of the kernel. */
const mostQueuePairs = 256;

/** Entries of a virtqueue at most (virtio 1.2, 2.7). */
const mostQueueSize = 32_768;

/** What a DAN file says. `file` is its path, for messages; what is wrong is a `KATA_DAN_…` that names its place. */
export function parseDan(text: string, file: string): DanFile {
  const whole = new Field(file, "", parseJson(text, file)).object(["netns", "devices"]);
  const netns = whole.optional("netns");
  const seen = new Seen();
  const devices = whole.required("devices").list();
  return {
    ...(netns !== undefined && { netns: readPath(netns) }),
    devices: devices.map((field) => readDevice(field, seen)),
  };
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw danErrors.KATA_DAN_SYNTAX({ file, reason: messageOf(cause) }, { cause });
  }
}

/** What may be in a file only once, by what it is and where it was first. */
class Seen {
  readonly #places = new Map<string, Field>();

  /** Notes a value, which is refused when it was there before. */
  add(what: string, field: Field, value: string): void {
    const key = `${what} ${value}`;
    const first = this.#places.get(key);
    if (first !== undefined) throw field.refuse(`, and ${first.path} is the same ${what}; each is there once`);
    this.#places.set(key, field);
  }
}

function readDevice(field: Field, seen: Seen): DanDevice {
  const device = field.object(["name", "guest_mac", "device", "network_info"]);
  const name = readLinkName(device.required("name"));
  seen.add("name", device.required("name"), name);
  const mac = device.optional("guest_mac");
  const hardwareAddress = mac && readCardAddress(mac);
  if (mac && hardwareAddress !== undefined) seen.add("hardware address", mac, hardwareAddress);
  const info = device.required("network_info").object(["interface", "routes", "neighbors"]);
  const { backend, queues } = readBackend(device.required("device"), seen);
  return {
    name,
    backend,
    card: { ...queues, ...(hardwareAddress !== undefined && { hardwareAddress }) },
    ...readInterface(info.required("interface"), seen),
    routes: info.list("routes").map((route) => readRoute(route, name)),
    neighbors: info.list("neighbors").map((neighbor) => readNeighbor(neighbor, name)),
  };
}

function readBackend(field: Field, seen: Seen): { readonly backend: DanBackend; readonly queues: CardWish } {
  const keys = ["type", "path", "tap_name", "queue_num", "queue_size"] as const;
  const device = field.object(keys);
  const type = device.required("type");
  const name = danTypes.find((one) => one === type.text());
  if (name === undefined) {
    throw type.refuse(`; the types there are: ${danTypes.map((one) => JSON.stringify(one)).join(", ")}`);
  }
  const pairs = device.optional("queue_num")?.integer(0, mostQueuePairs) ?? 0;
  const size = device.optional("queue_size");
  const entries = size?.integer(0, mostQueueSize) ?? 0;
  if (size && (entries & (entries - 1)) !== 0) throw size.refuse("; it takes a power of two, or 0 for the usual one");
  const queues = { ...(pairs > 0 && { queuePairs: pairs }), ...(entries > 0 && { queueSize: entries }) };
  const [own, others] = name === "vhost-user" ? (["path", "tap_name"] as const) : (["tap_name", "path"] as const);
  const stray = device.optional(others);
  if (stray !== undefined) throw stray.refuse(`, which is of no use to a "${name}"; it takes ${own}`);
  const value = device.required(own);
  if (name === "vhost-user") {
    const socket = readSocketPath(value);
    seen.add("socket", value, socket);
    return { backend: { type: name, socket }, queues };
  }
  const tap = readLinkName(value);
  seen.add("tap", value, tap);
  return { backend: { type: name, tap }, queues };
}

function readInterface(field: Field, seen: Seen): Pick<DanDevice, "addresses" | "mtu" | "type" | "flags"> {
  const one = field.object(["ip_addresses", "mtu", "ntype", "flags"]);
  const type = one.optional("ntype")?.text() ?? "";
  return {
    addresses: one
      .required("ip_addresses")
      .list()
      .map((at) => {
        const own = readOwnAddress(at);
        seen.add("address", at, own.address);
        return own;
      }),
    mtu: one.optional("mtu")?.integer(leastMtu, mostMtu, " bytes") ?? usualMtu,
    ...(type !== "" && { type }),
    flags: one.optional("flags")?.integer(0, most32) ?? 0,
  };
}

/** A neighbour of an interface. Without a state, or with 0, it is a permanent one: the kernel forgets one of no state. */
function readNeighbor(field: Field, device: string): GuestNeighbor {
  const neighbor = field.object(["ip_address", "hardware_addr", "state", "flags", "device"]);
  const named = neighbor.optional("device");
  if (named && named.text() !== "" && named.text() !== device) {
    throw named.refuse(`, and the interface it is written in is "${device}"`);
  }
  return {
    address: readMaybePrefixed(neighbor.required("ip_address")),
    device,
    hardwareAddress: readHardwareAddress(neighbor.required("hardware_addr")),
    state: (neighbor.optional("state")?.integer(0, 0xffff) ?? 0) || NeighborState.permanent,
    flags: neighbor.optional("flags")?.integer(0, 0xff) ?? 0,
  };
}
