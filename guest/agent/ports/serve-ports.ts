import type { Duplex } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import type { Logger } from "../../../src/core/log.js";
import type { Sys } from "../../../src/core/sys/sys.js";
import type { AgentRoots } from "../roots.js";
import type { PortTransport } from "./guest-port-server.js";
import { findSerialPort, serialTransport } from "./serial-transport.js";
import { hasVsock, vsockTransport } from "./vsock-transport.js";

/** Milliseconds between two looks for a device, and after how many looks it is told that there is none. */
const lookPause = 10;
const looksUntilTold = 200;

/** What serving the host needs. */
export interface PortServing {
  readonly sys: Pick<Sys, "vsock" | "descriptors">;
  readonly roots: AgentRoots;
  readonly log: Logger;
}

/**
 * The ways there are from the host to `port`: vsock when the machine has such a device, virtio-serial when it has the
 * port `kata.<port>`. Waits until there is one: devices may appear a little after the agent has started.
 */
export async function findTransports({ sys, roots, log }: PortServing, port: number): Promise<PortTransport[]> {
  for (let looks = 1; ; looks++) {
    const found: PortTransport[] = [];
    if (hasVsock(sys)) found.push(vsockTransport(sys, log));
    if (findSerialPort(roots, port) !== undefined) found.push(serialTransport(sys, roots, log));
    if (found.length > 0) return found;
    if (looks === looksUntilTold) {
      log.error(`the host cannot reach the agent: there is no vsock device and no virtio-serial port kata.${port}`);
    }
    await pause(lookPause);
  }
}

/** Serves a port over all transports. */
export function serveAll(
  transports: readonly PortTransport[],
  port: number,
  onConnection: (stream: Duplex, transport: string) => void,
): void {
  for (const transport of transports) transport.serve(port, (stream) => onConnection(stream, transport.name));
}
