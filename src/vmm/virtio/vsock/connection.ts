import type { Socket } from "node:net";
import { Credit } from "./credit.js";
import { operation, type PacketHeader, shutdownFlag } from "./header.js";
import { HostInput } from "./host-input.js";
import { HostOutput } from "./host-output.js";
import { packetBytes, type VsockLimits } from "./limits.js";

/** A packet for the guest. */
export interface Outgoing {
  readonly operation: number;
  readonly flags: number;
  readonly data?: Uint8Array;
}

/** Both ends of a connection, as the host sees them. */
export interface ConnectionPorts {
  readonly host: number;
  readonly guest: number;
}

/** What a connection tells the device. */
export interface ConnectionEvents {
  /** It may have something for the guest: `next`. */
  ready(connection: Connection): void;
  /** It is over and has nothing more to say. */
  over(connection: Connection): void;
}

/**
 * One stream between a host's program, at a Unix socket, and the guest. Begins as `requested` (the guest is asked) or
 * `accepting` (the host's program is being connected to), is `open` then, and ends by `resetting`: the socket is gone, and
 * the guest is still to be told.
 */
export class Connection {
  readonly ports: ConnectionPorts;
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  readonly #limits: VsockLimits;
  readonly #credit = new Credit();
  readonly #input: HostInput;
  readonly #output: HostOutput;
  readonly #accepted: () => void;
  #state: "requested" | "accepting" | "open" | "resetting" | "over";
  /** Single packets that wait to be sent. */
  readonly #toSay = new Set<"request" | "response" | "creditUpdate" | "creditRequest">();
  #creditAsked = false;
  #guestShut = 0;
  #saidShut = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    state: "requested" | "accepting",
    socket: Socket,
    ports: ConnectionPorts,
    limits: VsockLimits,
    events: ConnectionEvents,
    accepted: () => void = () => undefined,
  ) {
    this.#state = state;
    this.#socket = socket;
    this.ports = ports;
    this.#limits = limits;
    this.#events = events;
    this.#accepted = accepted;
    this.#input = new HostInput(socket, () => this.#events.ready(this));
    this.#output = new HostOutput(
      socket,
      (bytes) => this.#forwarded(bytes),
      () => this.#outputFinished(),
    );
    this.#timer = setTimeout(() => this.reset(), limits.requestMs);
    // The reason does not reach the guest: a reset is all that there is.
    socket.on("error", () => this.reset());
    socket.once("close", () => {
      if (!this.#input.ended || !this.#output.ended) this.reset();
    });
  }

  /** Asks the guest for a connection; `accepted` is called when it has accepted. Takes the socket, which is not read before. */
  static toGuest(
    socket: Socket,
    ports: ConnectionPorts,
    limits: VsockLimits,
    events: ConnectionEvents,
    accepted: () => void,
  ): Connection {
    const connection = new Connection("requested", socket, ports, limits, events, accepted);
    connection.#toSay.add("request");
    return connection;
  }

  /** Accepts a connection of the guest's, whose request this is, once the socket has connected; takes the socket. */
  static toHost(socket: Socket, request: PacketHeader, limits: VsockLimits, events: ConnectionEvents): Connection {
    const ports = { host: request.destinationPort, guest: request.sourcePort };
    const connection = new Connection("accepting", socket, ports, limits, events);
    connection.#credit.hear(request.allocated, request.forwarded);
    socket.once("connect", () => {
      if (connection.#state !== "accepting") return;
      connection.#open();
      connection.#say("response");
    });
    return connection;
  }

  /** What to say about credit in the header of any packet. */
  tellCredit(): { readonly allocated: number; readonly forwarded: number } {
    return this.#credit.tell();
  }

  /** The next packet for the guest, with at most `room` bytes of data; undefined when there is none now. */
  next(room: number): Outgoing | undefined {
    if (this.#state === "resetting") {
      this.#end();
      return { operation: operation.reset, flags: 0 };
    }
    if (this.#toSay.delete("request")) return { operation: operation.request, flags: 0 };
    if (this.#state !== "open") return undefined;
    if (this.#toSay.delete("response")) return { operation: operation.response, flags: 0 };
    return this.#nextData(room) ?? this.#nextShutdown() ?? this.#nextCredit();
  }

  /** Takes a packet of the guest's; `data` is as long as its header says, and is kept. */
  receive(header: PacketHeader, data: Uint8Array): void {
    if (header.operation === operation.reset) return this.abandon();
    if (this.#state === "resetting" || this.#state === "over") return;
    this.#credit.hear(header.allocated, header.forwarded);
    this.#creditAsked = false;
    if (this.#state === "requested" && header.operation === operation.response) return this.#guestAccepted();
    if (this.#state !== "open") return this.reset();
    switch (header.operation) {
      case operation.data:
        this.#deliver(data);
        break;
      case operation.shutdown:
        this.#guestShuts(header.flags);
        break;
      case operation.creditRequest:
        this.#say("creditUpdate");
        break;
      case operation.creditUpdate:
        this.#events.ready(this);
        break;
      default:
        return this.reset();
    }
    if (this.#input.length > 0) this.#events.ready(this);
  }

  /** Ends it at once on the host's side; the guest is told in its turn. Idempotent. */
  reset(): void {
    if (this.#state === "resetting" || this.#state === "over") return;
    this.#state = "resetting";
    this.#release();
    this.#events.ready(this);
  }

  /** Ends it without a word to the guest, which has ended it, or is no more. Idempotent. */
  abandon(): void {
    if (this.#state === "over") return;
    this.#release();
    this.#end();
  }

  #open(): void {
    this.#state = "open";
    clearTimeout(this.#timer);
    this.#input.start();
  }

  #say(what: "response" | "creditUpdate" | "creditRequest"): void {
    this.#toSay.add(what);
    this.#events.ready(this);
  }

  #guestAccepted(): void {
    this.#accepted();
    this.#open();
  }

  #deliver(data: Uint8Array): void {
    if ((this.#guestShut & shutdownFlag.send) !== 0 || !this.#credit.receive(data.length)) return this.reset();
    if (data.length === 0) return;
    this.#output.write(data);
  }

  #forwarded(bytes: number): void {
    if (this.#state === "open" && this.#credit.forward(bytes)) this.#say("creditUpdate");
  }

  #outputFinished(): void {
    if (this.#guestShut === shutdownFlag.both) this.reset();
    else this.#events.ready(this);
  }

  #guestShuts(flags: number): void {
    const before = this.#guestShut;
    this.#guestShut |= flags & shutdownFlag.both;
    const added = this.#guestShut & ~before;
    if ((added & shutdownFlag.receive) !== 0) this.#input.drop();
    if ((added & shutdownFlag.send) !== 0) this.#output.end();
    if (this.#guestShut !== shutdownFlag.both || added === 0) return;
    if (this.#output.ended) this.reset();
    else this.#resetLater();
  }

  #nextData(room: number): Outgoing | undefined {
    if (this.#input.length === 0) return undefined;
    const credit = this.#credit.room;
    if (credit === 0 && !this.#creditAsked) {
      this.#creditAsked = true;
      this.#toSay.add("creditRequest");
    }
    const most = Math.min(room, credit, packetBytes);
    if (most <= 0) return undefined;
    const data = this.#input.take(most);
    this.#credit.send(data.length);
    this.#toSay.delete("creditUpdate");
    return { operation: operation.data, flags: 0, data };
  }

  #nextShutdown(): Outgoing | undefined {
    if (!this.#input.finished) return undefined;
    const flags = this.#output.ended ? shutdownFlag.both : shutdownFlag.send;
    if ((flags & ~this.#saidShut) === 0) return undefined;
    this.#saidShut = flags;
    if (flags === shutdownFlag.both) this.#resetLater();
    return { operation: operation.shutdown, flags };
  }

  #nextCredit(): Outgoing | undefined {
    if (this.#toSay.delete("creditRequest")) return { operation: operation.creditRequest, flags: 0 };
    if (this.#toSay.delete("creditUpdate")) return { operation: operation.creditUpdate, flags: 0 };
    return undefined;
  }

  #resetLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.reset(), this.#limits.shutdownMs);
  }

  #release(): void {
    clearTimeout(this.#timer);
    this.#toSay.clear();
    this.#input.drop();
    this.#socket.destroy();
  }

  #end(): void {
    this.#state = "over";
    this.#events.over(this);
  }
}
