import fc from "fast-check";

/** A TOML text made piece by piece, with the line on which each of its values must be found. */
export interface WrittenDocument {
  readonly text: string;
  /** Line by dotted path, the parts joined with NUL. */
  readonly lines: ReadonlyMap<string, number>;
}

const bareKey = fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/);
const quotedKey = fc.string({ maxLength: 6 });
const name = fc.oneof(
  bareKey.map((key) => ({ key, text: key })),
  quotedKey.map((key) => ({ key, text: JSON.stringify(key).replaceAll("\u007f", "\\u007f") })),
);

/** Values over one or several lines, with text inside that looks like keys, comments and tables. */
const value = fc.oneof(
  fc.integer().map(String),
  fc.boolean().map(String),
  fc.constantFrom(
    "1.5e3",
    "inf",
    "0xff",
    "1979-05-27 07:32:00",
    "07:32:00",
    "[]",
    "{}",
    "'#\"x = 1'",
    '"a = \\"b\\" # [c]"',
    '"""\nx = 1\n[y]\n# z""\\"""\\\n"""',
    "'''\nk = '2'\n'''''",
    "[1, 2, # three = 3\n  4,\n]",
    "[\"]\", \"}\", [ \"[\" ],\n\n ['''\nq\n'''] ]",
  ),
);

const assignment = fc.record({ name, value, gap: fc.constantFrom("", " ", "\t ") });
const member = fc.record({ name, value: value.filter((text) => !text.includes("\n")) });
const inline = fc.record({ name, members: fc.uniqueArray(member, { maxLength: 4, selector: (m) => m.name.key }) });
const section = fc.record({
  header: fc.array(name, { minLength: 1, maxLength: 3 }),
  isList: fc.boolean(),
  body: fc.array(fc.oneof(assignment, inline), { maxLength: 5 }),
  blank: fc.constantFrom("", "\n", "# x = 1\n", "  # [a]\n\n"),
});

const unsafe = new Set(["__proto__", "constructor"]);

class Writer {
  text = "";
  line = 1;
  readonly lines = new Map<string, number>();

  put(text: string): void {
    this.text += text;
    this.line += text.split("\n").length - 1;
  }

  note(path: readonly string[]): void {
    this.lines.set(path.join("\0"), this.line);
  }
}

/** Documents with tables, arrays of tables, inline tables, quoted keys, comments and values of every kind. */
export const tomlDocument: fc.Arbitrary<WrittenDocument> = fc
  .record({
    sections: fc.uniqueArray(section, {
      maxLength: 6,
      // No header may be the beginning of another: what TOML makes of that is tested by example.
      comparator: (a, b) => a.header[0]?.key === b.header[0]?.key,
    }),
    newline: fc.constantFrom("\n", "\r\n"),
    repeat: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ sections, newline, repeat }) => {
    const writer = new Writer();
    for (const { header, isList, body, blank } of sections) {
      if (header.some(({ key }) => unsafe.has(key))) continue;
      for (let i = 0; i < (isList ? repeat : 1); i++) {
        writer.put(blank);
        const path = [...header.map(({ key }) => key), ...(isList ? [String(i)] : [])];
        const dotted = header.map((part) => part.text).join(" . ");
        writer.put(isList ? `[[${dotted}]] # t = 1\n` : `[ ${dotted} ]\n`);
        const seen = new Set<string>();
        for (const one of body) {
          if (seen.has(one.name.key) || unsafe.has(one.name.key)) continue;
          seen.add(one.name.key);
          const at = [...path, one.name.key];
          writer.note(at);
          if ("members" in one) {
            writer.put(`${one.name.text} = {`);
            const members = one.members.filter(({ name: { key } }) => !unsafe.has(key));
            for (const [j, inner] of members.entries()) {
              writer.put(j === 0 ? "\n  " : ",\n  # w = {\n  ");
              writer.note([...at, inner.name.key]);
              writer.put(`${inner.name.text} = ${inner.value}`);
            }
            writer.put("}\n");
          } else {
            writer.put(`${one.gap}${one.name.text}${one.gap}=${one.gap}${one.value}${one.gap}# c = [\n`);
          }
        }
      }
    }
    return { text: writer.text.replaceAll("\n", newline), lines: writer.lines };
  });
