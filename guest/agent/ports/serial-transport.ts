import { openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { describeError } from "../../../src/core/errors/error.js";
import type { Logger } from "../../../src/core/log.js";
import { OpenFlag } from "../../../src/core/sys/open-flags.js";
import type { Sys } from "../../../src/core/sys/sys.js";
import type { AgentRoots } from "../roots.js";
import type { PortTransport } from "./guest-port-server.js";

/** Milliseconds until a port whose host side is not connected is looked at again. */
const idlePause = 20;

/** Bytes read to see whether the host is there; whatever came is given on. */
const probeBytes = 4096;

/** The device of the virtio-serial port `kata.<port>`, undefined when there is none (yet). */
export function findSerialPort(roots: Pick<AgentRoots, "sys" | "dev">, port: number): string | undefined {
  const directory = join(roots.sys, "class/virtio-ports");
  for (const entry of list(directory)) {
    try {
      if (readFileSync(join(directory, entry, "name"), "utf8").trim() === `kata.${port}`) return join(roots.dev, entry);
    } catch {
      // the port has no name yet, or has gone
    }
  }
  return undefined;
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/**
 * Connections over virtio-serial ports: one at a time on each. A port has no notion of a connection, so one begins when the
 * host has its side open, and ends when a read finds it closed; then the port is opened anew.
 */
export function serialTransport(
  sys: Pick<Sys, "descriptors">,
  roots: Pick<AgentRoots, "sys" | "dev">,
  log: Logger,
): PortTransport {
  return {
    name: "virtio-serial",
    serve(port, onConnection, stop = new AbortController().signal) {
      void servePort(port, onConnection, stop);
    },
  };

  async function servePort(port: number, onConnection: (stream: Duplex) => void, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      try {
        const stream = await nextConnection(port, stop);
        const closed = new Promise((resolve) => stream.once("close", resolve));
        stream.once("end", () => stream.destroy());
        onConnection(stream);
        await closed;
      } catch (error) {
        if (stop.aborted) return;
        log.warn("a virtio-serial port cannot be served", { port, error: describeError(error) });
        await pause(1000);
      }
    }
  }

  async function nextConnection(port: number, signal: AbortSignal): Promise<Duplex> {
    let path = findSerialPort(roots, port);
    while (path === undefined) {
      await pause(idlePause, undefined, { signal });
      path = findSerialPort(roots, port);
    }
    const fd = openSync(path, OpenFlag.readWrite | OpenFlag.nonBlock | OpenFlag.closeOnExec);
    let taken = false;
    try {
      const first = await hostsFirstBytes(fd, signal);
      taken = true;
      const stream = sys.descriptors.stream(fd, { allowHalfOpen: false });
      if (first.length > 0) stream.unshift(first);
      return stream;
    } finally {
      if (!taken) sys.descriptors.close(fd);
    }
  }

  /** Waits until the host's side is open: a read then finds bytes or would have to wait, and not the end. */
  async function hostsFirstBytes(fd: number, signal: AbortSignal): Promise<Buffer> {
    const buffer = Buffer.alloc(probeBytes);
    for (;;) {
      const length = sys.descriptors.read(fd, buffer);
      if (length !== 0) return buffer.subarray(0, length ?? 0);
      await pause(idlePause, undefined, { signal });
    }
  }
}
