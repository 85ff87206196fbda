import { expect } from "chai";
import fc from "fast-check";
import { mountsBelow, parseMountinfo, unescapeOctal } from "../../../../src/core/sys/mountinfo.js";
import { thrown } from "./fixture.js";

const escape = (text: string): string =>
  text.replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);

const word = fc.stringMatching(/^[a-z0-9_.]{1,12}$/);
const path = fc.array(fc.string({ minLength: 1, maxLength: 8, unit: "binary" }), { maxLength: 5 }).map((parts) => {
  const clean = parts.map((p) => p.replace(/[/\0]/g, "_"));
  return `/${clean.join("/")}`;
});

describe("mountinfo", () => {
  it("reads the kernel's own example", () => {
    const line = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n";
    expect(parseMountinfo(line)).to.deep.equal([
      {
        id: 36,
        parentId: 35,
        major: 98,
        minor: 0,
        root: "/mnt1",
        mountPoint: "/mnt2",
        options: ["rw", "noatime"],
        masterGroup: 1,
        type: "ext3",
        source: "/dev/root",
        superOptions: ["rw", "errors=continue"],
      },
    ]);
  });

  it("gives back whatever was written, with any bytes in the paths", () => {
    const entry = fc.record({
      id: fc.nat(),
      parentId: fc.nat(),
      major: fc.nat(4095),
      minor: fc.nat(),
      root: path,
      mountPoint: path,
      options: fc.array(word, { minLength: 1 }),
      sharedGroup: fc.nat(),
      type: word,
      source: path,
      superOptions: fc.array(word, { minLength: 1 }),
    });
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        const text = entries.map((e) => {
          const head = `${e.id} ${e.parentId} ${e.major}:${e.minor} ${escape(e.root)} ${escape(e.mountPoint)}`;
          const tail = `${e.type} ${escape(e.source)} ${e.superOptions.join(",")}`;
          return `${head} ${e.options.join(",")} shared:${e.sharedGroup} propagate_from:7 - ${tail}\n`;
        });
        expect(parseMountinfo(text.join(""))).to.deep.equal(entries);
      }),
    );
  });

  it("never reads nonsense as a mount", () => {
    for (const line of [
      "x",
      "1 2 3 / /a rw - t s o",
      "1 2 3:4 / /a rw shared:1",
      "36 a 98:0 / /m rw - ext3 /dev/root rw",
    ]) {
      expect(
        thrown(() => parseMountinfo(line)),
        line,
      ).to.equal("KATA_SYS_MOUNTINFO");
    }
  });

  it("leaves a backslash that is no escape", () => {
    expect(unescapeOctal("a\\b\\04\\777\\134")).to.equal("a\\b\\04\\777\\");
  });

  it("finds what is at or below a directory and no neighbour", () => {
    const lines = ["/", "/run/x", "/run/x/a", "/run/xy", "/run"].map((m, i) => `${i} 1 0:1 / ${m} rw - tmpfs tmpfs rw`);
    const below = (directory: string): string[] =>
      mountsBelow(parseMountinfo(lines.join("\n")), directory).map((e) => e.mountPoint);
    expect(below("/run/x")).to.deep.equal(["/run/x", "/run/x/a"]);
    expect(below("/run/x/")).to.deep.equal(["/run/x", "/run/x/a"]);
    expect(below("/")).to.have.length(5);
  });
});
