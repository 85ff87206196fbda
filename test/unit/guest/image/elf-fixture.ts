/** What an ELF file for a test is to say. */
export interface ElfParts {
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly runpath?: string;
  /** Sections by their names. */
  readonly sections?: Readonly<Record<string, Buffer>>;
}

const baseAddress = 0x40_0000n;

/** A 64-bit little-endian ELF file with one loaded segment, as far as the readers here look into one. */
export function elfFile({ interpreter, needed = [], runpath, sections = {} }: ElfParts): Buffer {
  const chunks: Buffer[] = [];
  let length = 64 + 3 * 56;
  const place = (data: Buffer): number => {
    const at = length;
    chunks.push(data);
    length += data.length;
    return at;
  };

  const strings = Buffer.from(`\0${[...needed, runpath ?? ""].map((text) => `${text}\0`).join("")}`);
  const offsetOf = (text: string): number => strings.indexOf(`\0${text}\0`) + 1;
  const stringsAt = place(strings);
  const tags: [number, bigint][] = needed.map((name) => [1, BigInt(offsetOf(name))]);
  if (runpath !== undefined) tags.push([29, BigInt(offsetOf(runpath))]);
  tags.push([5, baseAddress + BigInt(stringsAt)], [0, 0n]);
  const dynamic = Buffer.alloc(tags.length * 16);
  for (const [index, [tag, value]] of tags.entries()) {
    dynamic.writeBigUInt64LE(BigInt(tag), index * 16);
    dynamic.writeBigUInt64LE(value, index * 16 + 8);
  }
  const dynamicAt = place(dynamic);
  const interpreterAt = interpreter === undefined ? 0 : place(Buffer.from(`${interpreter}\0`));

  const names = Buffer.from(`\0${[...Object.keys(sections), ".shstrtab"].map((name) => `${name}\0`).join("")}`);
  const all: [string, Buffer][] = [...Object.entries(sections), [".shstrtab", names]];
  const table = Buffer.alloc((all.length + 1) * 64);
  for (const [index, [name, data]] of all.entries()) {
    const at = (index + 1) * 64;
    table.writeUInt32LE(names.indexOf(`\0${name}\0`) + 1, at);
    table.writeBigUInt64LE(BigInt(place(data)), at + 24);
    table.writeBigUInt64LE(BigInt(data.length), at + 32);
  }
  const tableAt = place(table);

  const head = Buffer.alloc(64 + 3 * 56);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(head);
  head.writeBigUInt64LE(64n, 32);
  head.writeBigUInt64LE(BigInt(tableAt), 40);
  head.writeUInt16LE(interpreter === undefined ? 2 : 3, 56);
  head.writeUInt16LE(64, 58);
  head.writeUInt16LE(all.length + 1, 60);
  head.writeUInt16LE(all.length, 62);
  const segment = (index: number, type: number, at: number, size: number): void => {
    const start = 64 + index * 56;
    head.writeUInt32LE(type, start);
    head.writeBigUInt64LE(BigInt(at), start + 8);
    head.writeBigUInt64LE(baseAddress + BigInt(at), start + 16);
    head.writeBigUInt64LE(BigInt(size), start + 32);
  };
  segment(0, 1, 0, length);
  segment(1, 2, dynamicAt, dynamic.length);
  if (interpreter !== undefined) segment(2, 3, interpreterAt, interpreter.length + 1);
  return Buffer.concat([head, ...chunks]);
}

/** A kernel module that says this of itself. */
export function moduleFile(depends: readonly string[], aliases: readonly string[] = []): Buffer {
  const info = ["license=GPL", `depends=${depends.join(",")}`, ...aliases.map((alias) => `alias=${alias}`)];
  return elfFile({ sections: { ".modinfo": Buffer.from(info.map((line) => `${line}\0`).join("")) } });
}
