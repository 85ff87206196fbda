import { expect } from "chai";
import fc from "fast-check";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../../../../src/core/log.js";
import { hybridHandshake } from "../../../../../src/core/vsock/hybrid-handshake.js";
import { operation, type PacketHeader, shutdownFlag } from "../../../../../src/vmm/virtio/vsock/header.js";
import { VsockDevice } from "../../../../../src/vmm/virtio/vsock/vsock.js";
import { type Got, TestGuest } from "./test-guest.js";

/** The guest's end of one connection, which sends back what it gets. */
class Echo {
  readonly #guest: TestGuest;
  readonly #request: PacketHeader;
  readonly #room: number;
  readonly #held: Buffer[] = [];
  #heldBytes = 0;
  #received = 0;
  #sent = 0;
  #hostAllocated: number;
  #hostForwarded = 0;
  #hostShut = false;
  over = false;

  constructor(guest: TestGuest, request: PacketHeader, room: number) {
    this.#guest = guest;
    this.#request = request;
    this.#room = room;
    this.#hostAllocated = request.allocated;
    this.#say(operation.response);
  }

  take({ header, data }: Got): void {
    this.#hostAllocated = header.allocated;
    this.#hostForwarded = header.forwarded;
    if (header.operation === operation.reset) this.over = true;
    if (header.operation === operation.data) {
      this.#received += data.length;
      this.#held.push(data);
      this.#heldBytes += data.length;
      expect(this.#heldBytes).to.be.at.most(this.#room);
    }
    if (header.operation === operation.creditRequest) this.#say(operation.creditUpdate);
    if (header.operation !== operation.shutdown) return;
    this.#hostShut = true;
    if (header.flags !== shutdownFlag.both) return;
    this.over = true;
    this.#say(operation.reset);
  }

  /** Sends what the host has room for. */
  pump(): void {
    if (this.over) return;
    for (let [first] = this.#held; first !== undefined; [first] = this.#held) {
      const credit = this.#hostAllocated - (this.#sent - this.#hostForwarded);
      if (credit === 0) return;
      const part = first.subarray(0, credit);
      if (part.length === first.length) this.#held.shift();
      else this.#held[0] = first.subarray(part.length);
      this.#heldBytes -= part.length;
      this.#sent += part.length;
      this.#say(operation.data, Buffer.from(part));
    }
    if (!this.#hostShut || this.#saidEnd) return;
    this.#saidEnd = true;
    this.#say(operation.shutdown, undefined, shutdownFlag.send);
  }

  #saidEnd = false;

  #say(what: number, data?: Uint8Array, flags = 0): void {
    const forwarded = this.#received - this.#heldBytes;
    this.#guest.answer(this.#request, { operation: what, flags, allocated: this.#room, forwarded }, data);
  }
}

const keyOf = ({ sourcePort, destinationPort }: PacketHeader): string => `${sourcePort}:${destinationPort}`;

const client = fc.record({
  pieces: fc.array(fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 90_000 })), { maxLength: 8 }),
  room: fc.oneof(fc.constant(1_000), fc.integer({ min: 1_000, max: 200_000 })),
  port: fc.integer({ min: 1, max: 3 }),
});

describe("many vsock connections at once", () => {
  it("each get back what they send, whatever the guest has room for, and end", async () => {
    const directory = mkdtempSync(join(tmpdir(), "vsock-"));
    const path = join(directory, "vsock");
    const limits = { connections: 1023, requestMs: 10_000, shutdownMs: 10_000 };
    const device = await VsockDevice.create({ path, cid: 3, log: silentLogger, limits });
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.array(client, { minLength: 1, maxLength: 12 }),
          fc.constantFrom(100, 4_140, 65_580),
          fc.integer({ min: 1, max: 64 }),
          async (clients, bufferBytes, buffers) => {
            device.reset();
            const guest = new TestGuest(device);
            guest.refill = bufferBytes;
            guest.give(buffers, bufferBytes);
            const echoes = new Map<string, Echo>();
            let running = true;
            const rooms = clients.map(({ room }) => room);
            const serving = (async () => {
              while (running) {
                for (let got = guest.got.shift(); got !== undefined; got = guest.got.shift()) {
                  const { header } = got;
                  if (header.operation === operation.request) {
                    echoes.set(keyOf(header), new Echo(guest, header, rooms.pop() ?? 1_000));
                  } else echoes.get(keyOf(header))?.take(got);
                }
                for (const echo of echoes.values()) echo.pump();
                await new Promise((resolve) => setImmediate(resolve));
              }
            })();
            await Promise.all(clients.map(({ pieces, port }) => exchange(path, port, pieces)));
            while ([...echoes.values()].some((echo) => !echo.over))
              await new Promise((resolve) => setImmediate(resolve));
            running = false;
            await serving;
            expect(guest.context.failures).to.deep.equal([]);
            expect(echoes.size).to.equal(clients.length);
          },
        ),
        { numRuns: 10 },
      );
    } finally {
      device.close();
      rmSync(directory, { recursive: true });
    }
  });

  async function exchange(path: string, port: number, pieces: readonly number[]): Promise<void> {
    const socket = createConnection({ path, allowHalfOpen: true });
    await once(socket, "connect");
    await hybridHandshake(socket, port, "the guest");
    const sent = pieces.map((length, i) => Buffer.alloc(length, i + 1));
    const got: Buffer[] = [];
    socket.on("data", (piece: Buffer) => got.push(piece));
    const ended = once(socket, "end");
    for (const piece of sent) if (!socket.write(piece)) await once(socket, "drain");
    socket.end();
    await ended;
    expect(Buffer.concat(got).equals(Buffer.concat(sent))).to.equal(true);
  }
});
