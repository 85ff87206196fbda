import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { agentErrors, badArgument } from "../errors.js";
import type { AgentRoots } from "../roots.js";
import { findNode, type GuestNode, lookFor } from "./block-devices.js";
import type { KernelModules } from "./kernel-modules.js";
import { entries } from "./pci-path.js";

/** What SCSI disks are found with. */
export interface ScsiTools {
  readonly roots: Pick<AgentRoots, "sys" | "dev">;
  readonly modules: Pick<KernelModules, "load">;
}

/**
 * What SCSI disks need of the kernel, with where each is once it is there, built in or loaded. The bus is not searched as a
 * whole when it comes, which takes seconds in an emulated guest: all of its 256 targets are asked.
 */
const drivers = [
  { module: "scsi_mod", parameters: ["scan=manual"], place: "bus/scsi" },
  { module: "virtio_scsi", parameters: [], place: "bus/virtio/drivers/virtio_scsi" },
  { module: "sd_mod", parameters: [], place: "bus/scsi/drivers/sd" },
] as const;

/** What the controller's driver calls its hosts (drivers/scsi/virtio_scsi.c). */
const hostName = "virtio_scsi";

/** Milliseconds between two times that a bus is searched. */
const searchPause = 500;

/**
 * A disk by its address on the bus of virtio-scsi, `target:unit` in decimal. The controller tells of a disk that is plugged
 * in, but not surely: its words are few, and lost when there are too many at once; so the bus is searched for that address
 * too. Waits `ms` at most: `KATA_GUEST_SCSI_ABSENT` says what there is.
 */
export async function waitForScsiDisk(tools: ScsiTools, address: string, ms: number): Promise<GuestNode> {
  const { roots } = tools;
  const [target, unit] = /^\d{1,3}:\d{1,5}$/.test(address) ? address.split(":").map(Number) : [];
  if (target === undefined || unit === undefined) {
    throw badArgument("the place of a SCSI disk", address, "`target:unit` in decimal");
  }
  for (const { module, parameters, place } of drivers)
    if (!existsSync(join(roots.sys, place))) await tools.modules.load(module, parameters);
  let searched = Number.NEGATIVE_INFINITY;
  const find = async (): Promise<GuestNode | undefined> => {
    const hosts = virtioHosts(roots);
    const found = diskOf(roots, hosts, target, unit);
    if (found !== undefined) return found;
    if (performance.now() < searched + searchPause) return undefined;
    for (const host of hosts) await search(roots, host, target, unit);
    searched = performance.now();
    return diskOf(roots, hosts, target, unit);
  };
  return lookFor(find, ms, () => {
    const hosts = virtioHosts(roots);
    return agentErrors.KATA_GUEST_SCSI_ABSENT({ address, hosts, there: disksOf(roots, hosts), ms });
  });
}

/** `host0` and so on: those of virtio alone. */
function virtioHosts(roots: ScsiTools["roots"]): string[] {
  const directory = join(roots.sys, "class/scsi_host");
  return entries(directory).filter((host) => {
    const file = join(directory, host, "proc_name");
    return existsSync(file) && readFileSync(file, "latin1").trim() === hostName;
  });
}

/** The channel is always 0: the controller has one. */
const deviceName = (host: string, target: number, unit: number): string =>
  `${host.slice("host".length)}:0:${target}:${unit}`;

function diskOf(
  roots: ScsiTools["roots"],
  hosts: readonly string[],
  target: number,
  unit: number,
): GuestNode | undefined {
  for (const host of hosts) {
    const [disk] = entries(join(roots.sys, "bus/scsi/devices", deviceName(host, target, unit), "block"));
    if (disk !== undefined) return findNode(join(roots.dev, disk));
  }
  return undefined;
}

/** Addresses of all devices of those hosts, as the host has them. */
function disksOf(roots: ScsiTools["roots"], hosts: readonly string[]): string[] {
  const numbers = new Set(hosts.map((host) => host.slice("host".length)));
  return entries(join(roots.sys, "bus/scsi/devices")).flatMap((name) => {
    const [host = "", , target, unit] = name.split(":");
    return unit !== undefined && numbers.has(host) ? [`${target}:${unit}`] : [];
  });
}

/** Has the kernel look for one address: it answers when it has looked. A disk that is there already stays as it is. */
async function search(roots: ScsiTools["roots"], host: string, target: number, unit: number): Promise<void> {
  await writeFile(join(roots.sys, "class/scsi_host", host, "scan"), `0 ${target} ${unit}\n`);
}
