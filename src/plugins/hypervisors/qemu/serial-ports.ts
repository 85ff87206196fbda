import { guestPorts } from "../../../core/contracts/guest-address.js";
import type { Properties } from "./command.js";
import type { Monitor } from "./hotplug.js";

/** How long QEMU may take to remove a port, in milliseconds: it asks nobody. */
const removalMs = 5000;

const nameOf = (port: number) => `channel-${port}`;

/** The character device of such a port, and the name of its socket. */
export const serialBackend = (port: number): string => `port-${port}`;

/** Its number on the device; port 0 is kept for a console. */
export const serialNumber = (port: number): number => port - guestPorts.agent + 1;

/** A port of virtio-serial, which the guest finds by its name. */
export const serialPort = (port: number): Properties => ({
  driver: "virtserialport",
  id: nameOf(port),
  bus: "channel.0",
  chardev: serialBackend(port),
  name: `kata.${port}`,
  nr: serialNumber(port),
});

/** Ports among the names of a machine's sockets. */
export const serialPorts = (sockets: readonly string[]): number[] =>
  sockets.flatMap((name) => /^port-(\d+)$/.exec(name)?.[1] ?? []).map(Number);

/**
 * Gives the guest ports anew. One has no notion of a connection: a guest that is slow takes what another process has to say for
 * what the one went on with that is gone. What was on its way to that is dropped with the port.
 */
export async function renewSerialPorts(monitor: Pick<Monitor, "execute" | "expectEvent">, ports: readonly number[]) {
  for (const port of ports) {
    const deleted = monitor.expectEvent("DEVICE_DELETED", ({ device }) => device === nameOf(port));
    try {
      await monitor.execute("device_del", { id: nameOf(port) });
      await deleted.within(removalMs);
    } finally {
      deleted.forget();
    }
    await monitor.execute("device_add", serialPort(port));
  }
}
