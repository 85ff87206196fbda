import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer, type Server as NetServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { HealthCheckResponse_ServingStatus, HealthDefinition } from "../src/core/proto/gen/kata/health.js";
import { createClient } from "../src/core/rpc/client.js";
import { ClientConnection } from "../src/core/rpc/client-connection.js";
import { connect } from "../src/core/rpc/connect.js";
import { Server } from "../src/core/rpc/server.js";
import { formatRow, type Row } from "./row.js";
import { median } from "./turns.js";

const warmUp = 5_000;
const rounds = 11;
const callsPerRound = 4_000;
const concurrency = 100;

/** Bytes of a health check on the wire: the raw echo moves the same. */
const requestBytes = 10 + 2 + "grpc.Health".length + 2 + "Check".length + 2;
const responseBytes = 10 + 4;

type Exchange = () => Promise<unknown>;

async function microseconds(exchange: Exchange, count: number, at: number): Promise<number> {
  const begin = process.hrtime.bigint();
  for (let done = 0; done < count; done += at) {
    if (at === 1) await exchange();
    else await Promise.all(Array.from({ length: at }, exchange));
  }
  return Number(process.hrtime.bigint() - begin) / 1000 / count;
}

/** Medians of both, taken in turns so that a noisy moment strikes both alike. */
async function compare(a: Exchange, b: Exchange, at: number): Promise<[number, number]> {
  await microseconds(a, warmUp, at);
  await microseconds(b, warmUp, at);
  const ofA: number[] = [];
  const ofB: number[] = [];
  for (let round = 0; round < rounds; round++) {
    ofA.push(await microseconds(a, callsPerRound, at));
    ofB.push(await microseconds(b, callsPerRound, at));
  }
  return [median(ofA), median(ofB)];
}

/** Answers every `requestBytes` bytes with `responseBytes`, without looking at them. */
function serveRaw(path: string): Promise<NetServer> {
  const answer = Buffer.alloc(responseBytes);
  const server = createServer((socket) => {
    let have = 0;
    socket.on("data", (piece) => {
      for (have += piece.length; have >= requestBytes; have -= requestBytes) socket.write(answer);
    });
  });
  return new Promise((resolve) => server.listen(path, () => resolve(server)));
}

function rawExchange(socket: Socket): Exchange {
  const request = Buffer.alloc(requestBytes);
  const waiting: (() => void)[] = [];
  let have = 0;
  socket.on("data", (piece) => {
    for (have += piece.length; have >= responseBytes; have -= responseBytes) waiting.shift()?.();
  });
  return () =>
    new Promise<void>((resolve) => {
      waiting.push(resolve);
      socket.write(request);
    });
}

/** A unary call over a Unix socket against moving the same bytes with plain sockets, in microseconds a round trip. */
export async function run(): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), "kata-bench-"));
  const server = new Server();
  const answer = { status: HealthCheckResponse_ServingStatus.SERVING };
  server.addService(HealthDefinition, { check: async () => answer });
  const path = join(directory, "ttrpc");
  await server.listen({ path });
  const connection = new ClientConnection(await connect({ path, peer: "bench", deadlineMs: 1000 }), { peer: "bench" });
  const client = createClient(HealthDefinition, connection);
  const rawServer = await serveRaw(join(directory, "raw"));
  const rawSocket = createConnection(join(directory, "raw"));
  const raw = rawExchange(rawSocket);
  const request = { service: "" };
  try {
    const rows: Row[] = [];
    const calls: [string, Exchange, number][] = [
      ["unary call", () => client.check(request), 1],
      ["unary call with a deadline", () => client.check(request, { deadlineMs: 10_000 }), 1],
      [`unary call, ${concurrency} at a time`, () => client.check(request), concurrency],
    ];
    for (const [name, call, at] of calls) {
      const [value, against] = await compare(call, raw, at);
      const limit = at === 1 ? 2 : undefined;
      rows.push({
        name,
        value,
        unit: "µs",
        against: { name: "raw echo", value: against },
        ratio: value / against,
        limit,
      });
    }
    return rows;
  } finally {
    rawSocket.destroy();
    rawServer.close();
    await connection.close();
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const row of await run()) process.stdout.write(`${formatRow(row)}\n`);
}
