import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../errors/error.js";
import type { RecordedNetwork } from "../sandbox/record.js";
import type { Netlink, Rtnetlink } from "../sys/netlink.js";
import type { Link } from "../sys/netlink/link.js";
import { OpenFlag } from "../sys/open-flags.js";
import type { Sys } from "../sys/sys.js";
import { networkErrors } from "./errors.js";
import { pciAddressOf } from "./pci-address.js";
import { bindDriver } from "./pci-driver.js";

/** A PCI device that was taken from its driver, as the sandbox's record has it. */
export type TakenDevice = Extract<RecordedNetwork, { kind: "driver" }>;

/** Where drivers make their links, whatever namespace this process is in. */
const driverNamespace = "/proc/1/ns/net";

/** Milliseconds that a driver may take to make a link of its device. */
const linkMs = 5000;
const lookMs = 20;

/**
 * Gives a device back to the driver it had, and its link to the namespace it was in, under the name and the alias that it
 * had there: CNI's `host-device` looks for it by these. It stays where its driver made it, with the host's, when the pod's
 * namespace is gone.
 */
export async function giveBack(
  { files, netlink }: Pick<Sys, "files" | "netlink">,
  taken: TakenDevice,
  sysfs?: string,
): Promise<void> {
  bindDriver(files, taken.device, taken.driver, sysfs);
  if (taken.driver === "" || taken.place === undefined) return;
  const { namespace, name, alias } = taken.place;
  const target = openNamespace(namespace);
  if (target === undefined) return;
  try {
    // A driver that has never let go of it has its link where it was.
    if (withRoute(netlink, target, (route) => findLink(route.links(), taken, sysfs)) !== undefined) return;
    const route = netlink.route(driverNamespace);
    try {
      const link = await linkOf(() => route.links(), taken, sysfs);
      route.changeLink(link.index, { namespace: target, name, ...(alias !== undefined && { alias }) });
    } finally {
      route.close();
    }
  } finally {
    closeSync(target);
  }
}

function withRoute<T>(netlink: Netlink, namespace: number, act: (route: Rtnetlink) => T): T {
  const route = netlink.route(namespace);
  try {
    return act(route);
  } finally {
    route.close();
  }
}

const findLink = (links: readonly Link[], { device }: TakenDevice, sysfs?: string): Link | undefined =>
  links.find((link) => link.device !== undefined && pciAddressOf(link.device, sysfs) === device);

async function linkOf(links: () => Link[], taken: TakenDevice, sysfs?: string): Promise<Link> {
  const { device, driver } = taken;
  for (const deadline = performance.now() + linkMs; ; await sleep(lookMs)) {
    const found = findLink(links(), taken, sysfs);
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw networkErrors.KATA_NETWORK_NOT_BACK({ device, driver, ms: linkMs });
  }
}

function openNamespace(path: string): number | undefined {
  try {
    // A fifo that has the name by now is no namespace, and nobody shall wait for it.
    return openSync(path, OpenFlag.read | OpenFlag.nonBlock);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
