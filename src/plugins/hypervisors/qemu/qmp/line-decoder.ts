import { StringDecoder } from "node:string_decoder";
import { qmpErrors } from "./errors.js";

/** Longest line taken, in UTF-16 units: what the commands used here answer is far below. */
const longestLine = 4 * 1024 * 1024;

/** Cuts a stream of JSON values, one a line, into values. Throws `KATA_QMP_GARBAGE` at anything else. */
export class JsonLineDecoder {
  readonly #decoder = new StringDecoder("utf8");
  readonly #limit: number;
  #parts: string[] = [];
  #length = 0;

  constructor(limit: number = longestLine) {
    this.#limit = limit;
  }

  /** The values whose line ends in this chunk. */
  push(chunk: Uint8Array): unknown[] {
    const pieces = this.#decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)).split("\n");
    const values: unknown[] = [];
    for (const [index, piece] of pieces.entries()) {
      this.#parts.push(piece);
      this.#length += piece.length;
      if (this.#length > this.#limit) this.#refuse(`a line is longer than ${this.#limit}`);
      if (index === pieces.length - 1) break;
      const line = this.#parts.join("").trim();
      this.#parts = [];
      this.#length = 0;
      if (line !== "") values.push(this.#parse(line));
    }
    return values;
  }

  #parse(line: string): unknown {
    try {
      return JSON.parse(line);
    } catch (error) {
      throw qmpErrors.KATA_QMP_GARBAGE({ problem: "not JSON", start: line.slice(0, 200) }, { cause: error });
    }
  }

  #refuse(problem: string): never {
    throw qmpErrors.KATA_QMP_GARBAGE({ problem, start: this.#parts.join("").slice(0, 200) });
  }
}
