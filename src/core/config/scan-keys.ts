import { parse } from "smol-toml";

/** Where one key of a text stands: offsets of the key (or the table's header), of its value, and of the end. */
export interface Span {
  readonly start: number;
  readonly valueStart: number;
  end: number;
  /** Keys of a table, inline or not. */
  readonly members: Map<string, Span>;
  /** Items of an array, and tables of an array of tables. */
  readonly items: Span[];
}

const span = (start: number, valueStart = start, end = start): Span => ({
  start,
  valueStart,
  end,
  members: new Map(),
  items: [],
});

const blank = /[ \t]*/y;
const blankOrComment = /(?:[ \t\r\n]|#[^\n]*)*/y;
const scalar = /[^,\]}#\r\n]*/y;
const bare = /[^\s.=\]"']*/y;

/**
 * Finds every key of a TOML text. The text must be one that the parser took: this reads only as much syntax as it takes to
 * tell keys from values, and the parser gives the values.
 */
export class KeyScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The whole document as a table. */
  scan(): Span {
    const root = span(0);
    let table = root;
    if (this.#text.charCodeAt(0) === 0xfeff) this.#at = 1;
    this.#skip(blankOrComment);
    while (this.#at < this.#text.length) {
      if (this.#peek("[")) table = this.#header(root);
      else this.#assignment(table, "=");
      this.#skip(blankOrComment);
    }
    return root;
  }

  #peek(expected: string): boolean {
    return this.#text.startsWith(expected, this.#at);
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  /** `[a.b]` or `[[a.b]]`; gives the table that the following assignments are for. */
  #header(root: Span): Span {
    const start = this.#at;
    const isList = this.#peek("[[");
    this.#at += isList ? 2 : 1;
    const parts = this.#key("]");
    if (isList) this.#at += 1;
    let table = root;
    for (const [i, part] of parts.entries()) {
      const isLast = i === parts.length - 1;
      let next = table.members.get(part);
      if (!next || (isLast && !isList)) {
        // A header that comes after `[a.b]` made "a" is the better place for "a"; its members stay.
        const fresh = span(start, start, this.#at);
        for (const [key, member] of next?.members ?? []) fresh.members.set(key, member);
        table.members.set(part, fresh);
        next = fresh;
      }
      if (isLast && isList) {
        const item = span(start, start, this.#at);
        next.items.push(item);
        return item;
      }
      table = next.items.at(-1) ?? next;
    }
    return table;
  }

  /** `a.b = value`, put into `table`. */
  #assignment(table: Span, end: string): void {
    const start = this.#at;
    const parts = this.#key(end);
    this.#skip(blank);
    const value = this.#value(start);
    let at = table;
    for (const part of parts.slice(0, -1)) {
      let next = at.members.get(part);
      if (!next) at.members.set(part, (next = span(start, value.valueStart, value.end)));
      at = next;
    }
    at.members.set(parts.at(-1) ?? "", value);
  }

  /** The parts of a key, and its end passed over. */
  #key(end: string): string[] {
    const parts: string[] = [];
    while (this.#at < this.#text.length) {
      this.#skip(blank);
      if (this.#peek('"') || this.#peek("'")) parts.push(this.#quoted());
      else parts.push(this.#skip(bare));
      this.#skip(blank);
      const stop = this.#text[this.#at++];
      if (stop === end) break;
    }
    return parts;
  }

  #quoted(): string {
    const start = this.#at;
    this.#string();
    const text = this.#text.slice(start, this.#at);
    if (text.startsWith("'") || !text.includes("\\")) return text.slice(1, -1);
    return Object.keys(parse(`${text}=0`))[0] ?? "";
  }

  /** Passes over a string of any of the four kinds. */
  #string(): void {
    const quote = this.#text.charAt(this.#at);
    const isLong = this.#peek(quote.repeat(3));
    const end = isLong ? quote.repeat(3) : quote;
    this.#at += end.length;
    while (this.#at < this.#text.length && !this.#peek(end)) this.#at += quote === '"' && this.#peek("\\") ? 2 : 1;
    this.#at += end.length;
    // Up to two quotes may stand before the closing three.
    if (isLong && this.#peek(quote)) this.#at += this.#peek(quote + quote) ? 2 : 1;
  }

  #value(start: number): Span {
    const found = span(start, this.#at);
    if (this.#peek('"') || this.#peek("'")) this.#string();
    else if (this.#peek("[")) this.#inside("]", () => found.items.push(this.#value(this.#at)));
    else if (this.#peek("{")) this.#inside("}", () => this.#assignment(found, "="));
    else {
      const text = this.#skip(scalar);
      this.#at -= text.length - text.trimEnd().length;
    }
    found.end = this.#at;
    return found;
  }

  /** Reads the comma-separated members of what ends with `end`. */
  #inside(end: string, member: () => void): void {
    this.#at += 1;
    this.#skip(blankOrComment);
    while (this.#at < this.#text.length && !this.#peek(end)) {
      const before = this.#at;
      if (this.#peek(",")) this.#at += 1;
      else member();
      this.#skip(blankOrComment);
      if (this.#at === before) break;
    }
    this.#at += 1;
  }
}
