/** Calls as lines of JSON: `{ id, method, args }`, answered in any order by `{ id, result }` or `{ id, error }`. */
import type { Duplex } from "node:stream";

/** Bytes of the longest line that is taken: the other side is a guest, and may send whatever it likes. */
const longestLine = 16 * 2 ** 20;

export const failure = (code: string, status: string, message: string) =>
  Object.assign(new Error(message), { code: `EXAMPLE_${code}`, status });

/** JSON with bytes and whole numbers of 64 bits. */
export function encode(value: unknown): string {
  return JSON.stringify(value, function (this: Record<string, unknown>, key, shown: unknown) {
    const own = this[key];
    if (own instanceof Uint8Array) return { bytes: Buffer.from(own).toString("base64") };
    return typeof own === "bigint" ? { bigint: String(own) } : shown;
  });
}

export function decode(line: string): unknown {
  return JSON.parse(line, (_key, value: { readonly bytes?: unknown; readonly bigint?: unknown } | null) => {
    if (typeof value?.bytes === "string") return Uint8Array.from(Buffer.from(value.bytes, "base64"));
    return typeof value?.bigint === "string" && /^\d{1,19}$/.test(value.bigint) ? BigInt(value.bigint) : value;
  });
}

/** Has `take` called with each line of a stream, and destroys a stream whose lines do not end, or are none. */
export function onLines(stream: Duplex, take: (line: string) => void): void {
  let pieces: Buffer[] = [];
  let length = 0;
  stream.on("data", (chunk: Buffer) => {
    try {
      let rest = chunk;
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        const line = Buffer.concat([...pieces, rest.subarray(0, end)]).toString();
        [pieces, length, rest] = [[], 0, rest.subarray(end + 1)];
        take(line);
      }
      pieces.push(rest);
      length += rest.length;
      if (length > longestLine) throw new Error(`the guest sends a line of more than ${longestLine} bytes`);
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  });
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly status: string; readonly message: string };
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A connection to the guest. */
export class Connection {
  /** Settles when it ends, with the reason. */
  readonly ended: Promise<Error>;
  readonly #stream: Duplex;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #reason: Error | undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    onLines(stream, (line) => this.#answered(decode(line) as Answer));
    let reason: unknown = "the guest has closed it";
    stream.on("error", (error) => (reason = error));
    this.ended = new Promise((resolve) => {
      stream.once("close", () => {
        this.#reason = failure("LOST", "UNAVAILABLE", `the connection to the guest has ended: ${String(reason)}`);
        for (const { reject } of this.#waiting.values()) reject(this.#reason);
        this.#waiting.clear();
        resolve(this.#reason);
      });
    });
  }

  async call(method: string, args: readonly unknown[], signal?: AbortSignal): Promise<unknown> {
    signal?.throwIfAborted();
    if (this.#reason !== undefined || this.#stream.destroyed) {
      throw this.#reason ?? failure("LOST", "UNAVAILABLE", "the connection to the guest has ended");
    }
    const id = this.#next++;
    const stop = (): void => {
      this.#waiting.get(id)?.reject(signal?.reason);
      this.#waiting.delete(id);
    };
    signal?.addEventListener("abort", stop);
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
        this.#stream.write(`${encode({ id, method, args })}\n`);
      });
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  close(): void {
    this.#stream.destroy();
  }

  #answered({ id, result, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(failure("GUEST", error.status, `the guest says: ${error.message}`));
  }
}
