import { createConnection, type Socket } from "node:net";
import type { Logger } from "../../../core/log.js";
import { type Listener, listen, socketPathFault } from "../../../core/rpc/listen.js";
import { readConnectLine } from "./connect-line.js";
import { Connection, type Outgoing } from "./connection.js";
import { Connections } from "./connections.js";
import { hostCid, operation, type PacketHeader, streamType } from "./header.js";
import { HostPorts } from "./host-ports.js";
import type { VsockLimits } from "./limits.js";

/** Resets that wait to be sent to the guest, beyond which its packets are left in their queue. */
const mostResets = 256;

/** What joins the guest with Unix sockets of the host. */
export interface MuxerOptions {
  /** Host's programs connect here; the sockets that they listen at for port P are at `<path>_<P>`. */
  readonly path: string;
  readonly cid: number;
  readonly limits: VsockLimits;
  readonly log: Logger;
}

/** A packet for the guest and the header it has. */
export interface Packet {
  readonly header: PacketHeader;
  readonly data?: Uint8Array;
}

/**
 * Hybrid vsock: streams between Unix sockets of the host and ports of the guest, in Firecracker's form. A host's program
 * connects to the path, writes `CONNECT <port>`, and reads `OK <its own port>` when the guest has accepted; whoever the guest
 * does not accept is disconnected. One that comes before the guest's driver does waits for it: a program that tries again and
 * again would keep a machine busy that boots. A connection of the guest's to port P of the host goes to the socket `<path>_<P>`.
 */
export class VsockMuxer {
  readonly #options: MuxerOptions;
  readonly #wake: () => void;
  readonly #connections = new Connections();
  readonly #ports = new HostPorts();
  /** Sockets of which it is not known yet what they want. */
  readonly #asking = new Set<Socket>();
  readonly #resets: PacketHeader[] = [];
  /** Those that wait for the guest's driver. */
  readonly #early = new Set<() => void>();
  #listener: Listener | undefined;
  #running = false;

  /** `wake` is called when there is a packet for the guest. */
  constructor(options: MuxerOptions, wake: () => void) {
    this.#options = options;
    this.#wake = wake;
  }

  /** Listens at the path, with mode 0600. `KATA_RPC_LISTEN` when that cannot be, as when the path exists. */
  async listen(): Promise<void> {
    const { path, log } = this.#options;
    this.#listener = await listen(
      { path },
      (socket) => void this.#serve(socket),
      (error) => {
        log.error("the guest's vsock socket takes no more connections", { path, error });
      },
    );
  }

  /** The guest's driver is there. */
  start(): void {
    this.#running = true;
    for (const goOn of this.#early) goOn();
  }

  /** The guest's driver is gone: all connections end. */
  stop(): void {
    this.#running = false;
    this.#resets.length = 0;
    this.#connections.abandon();
    for (const socket of this.#asking) socket.destroy();
    for (const goOn of this.#early) goOn();
  }

  close(): void {
    this.stop();
    this.#listener?.close();
    this.#listener = undefined;
  }

  /** Whether the guest may be listened to; not while it does not take what it was answered. */
  get receptive(): boolean {
    return this.#resets.length < mostResets;
  }

  /** The next packet for the guest, with at most `room` bytes of data. */
  next(room: number): Packet | undefined {
    const reset = this.#resets.shift();
    if (reset !== undefined) return { header: reset };
    for (let connection = this.#connections.takeReady(); connection !== undefined; ) {
      const outgoing = connection.next(room);
      if (outgoing !== undefined) {
        this.#connections.wake(connection);
        return this.#packet(connection, outgoing);
      }
      connection = this.#connections.takeReady();
    }
    return undefined;
  }

  /** Takes a packet of the guest's; undefined for data that is not of the length that the header says. */
  receive(header: PacketHeader, data: Uint8Array | undefined): void {
    // Others than the guest and the host are not here to be answered (virtio 1.2, 5.10.6.4.1).
    if (header.sourceCid !== this.#options.cid || header.destinationCid !== hostCid) return;
    const connection = this.#connections.get({ host: header.destinationPort, guest: header.sourcePort });
    if (connection !== undefined && (data === undefined || header.type !== streamType)) return connection.reset();
    if (connection !== undefined && data !== undefined) return connection.receive(header, data);
    if (header.operation === operation.reset) return;
    if (header.operation !== operation.request || header.type !== streamType) return this.#refuse(header);
    this.#request(header);
  }

  #request(header: PacketHeader): void {
    const path = `${this.#options.path}_${header.destinationPort}`;
    if (this.#full || socketPathFault(path) !== undefined) return this.#refuse(header);
    const socket = createConnection({ path, allowHalfOpen: true });
    this.#connections.add(Connection.toHost(socket, header, this.#options.limits, this.#events));
  }

  /** Answers a packet that belongs to no connection. */
  #refuse(header: PacketHeader): void {
    this.#resets.push({
      sourceCid: hostCid,
      destinationCid: this.#options.cid,
      sourcePort: header.destinationPort,
      destinationPort: header.sourcePort,
      length: 0,
      type: header.type,
      operation: operation.reset,
      flags: 0,
      allocated: 0,
      forwarded: 0,
    });
    this.#wake();
  }

  async #serve(socket: Socket): Promise<void> {
    // Until there is a connection nobody is told why a socket broke; that it has, its end says.
    const ignore = (): void => undefined;
    socket.on("error", ignore);
    if (this.#full) return void socket.destroy();
    socket.allowHalfOpen = true;
    this.#asking.add(socket);
    const { requestMs } = this.#options.limits;
    const port = await readConnectLine(socket, requestMs);
    if (port !== undefined) await this.#driver(requestMs);
    this.#asking.delete(socket);
    if (port === undefined || !this.#running || socket.destroyed) return void socket.destroy();
    const isTaken = (host: number): boolean => this.#connections.get({ host, guest: port }) !== undefined;
    const ports = { host: this.#ports.take(isTaken), guest: port };
    const accepted = (): void => void socket.write(`OK ${ports.host}\n`);
    const connection = Connection.toGuest(socket, ports, this.#options.limits, this.#events, accepted);
    socket.off("error", ignore);
    this.#connections.add(connection);
    this.#events.ready(connection);
  }

  /** Resolves when the guest's driver is there, and in any case after so many milliseconds. */
  #driver(ms: number): Promise<void> {
    if (this.#running) return Promise.resolve();
    return new Promise((resolve) => {
      const goOn = (): void => {
        clearTimeout(timer);
        this.#early.delete(goOn);
        resolve();
      };
      const timer = setTimeout(goOn, ms);
      this.#early.add(goOn);
    });
  }

  get #full(): boolean {
    return this.#connections.size + this.#asking.size >= this.#options.limits.connections;
  }

  readonly #events = {
    ready: (connection: Connection): void => {
      this.#connections.wake(connection);
      this.#wake();
    },
    over: (connection: Connection): void => this.#connections.delete(connection),
  };

  #packet(connection: Connection, { operation, flags, data }: Outgoing): Packet {
    const header = {
      sourceCid: hostCid,
      destinationCid: this.#options.cid,
      sourcePort: connection.ports.host,
      destinationPort: connection.ports.guest,
      length: data?.length ?? 0,
      type: streamType,
      operation,
      flags,
      ...connection.tellCredit(),
    };
    return data === undefined ? { header } : { header, data };
  }
}
