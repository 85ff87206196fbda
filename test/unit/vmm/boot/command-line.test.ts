import { expect } from "chai";
import * as fc from "fast-check";
import { addWords, placeCommandLine, virtioWords } from "../../../../src/vmm/boot/command-line.js";
import { layout } from "../../../../src/vmm/machine/layout.js";
import { hexAt, mib, plainMemory } from "./plain-memory.js";
import { orRefusal, refusal } from "./refusal.js";

describe("the kernel's command line", () => {
  it("tells of virtio devices by words", () => {
    const devices = [
      { address: 0xd0000000, size: 4096, line: 5 },
      { address: 0xd0001000, size: 512, line: 6 },
    ];
    expect(virtioWords(devices)).to.deep.equal([
      "virtio_mmio.device=4K@0xd0000000:5",
      "virtio_mmio.device=512@0xd0001000:6",
    ]);
  });

  it("has words added before those of init", () => {
    expect(addWords("", ["a"])).to.equal("a");
    expect(addWords("console=ttyS0 ", ["a", "b"])).to.equal("console=ttyS0 a b");
    expect(addWords("quiet -- single", ["a"])).to.equal("quiet a -- single");
    expect(addWords("-- single", ["a"])).to.equal("a -- single");
    expect(addWords("quiet --", ["a"])).to.equal("quiet a --");
    expect(addWords('x="y -- z" --w', ["a"])).to.equal('x="y -- z" --w a');
    expect(addWords("quiet", [])).to.equal("quiet");
  });

  it("is written with a zero after it", () => {
    const memory = plainMemory(mib);
    memory.slice(layout.commandLine, 16).fill(0xff);
    placeCommandLine(memory, "quiet", 2047);
    expect(hexAt(memory, layout.commandLine, 7)).to.equal(`${Buffer.from("quiet").toString("hex")}00ff`);
  });

  it("may be as long as the kernel takes, in bytes, and no longer", () => {
    const place = (line: string, limit: number) => () => placeCommandLine(plainMemory(mib), line, limit);
    place("é".repeat(1023), 2047)();
    const error = refusal("KATA_VMM_COMMAND_LINE_LENGTH", place("é".repeat(1024), 2047));
    expect(error.message).to.include("2048 bytes").and.include("takes 2047");
    // Whatever a kernel says that it takes, it has no more room here.
    place("a".repeat(0xffff), 0xffffffff)();
    refusal("KATA_VMM_COMMAND_LINE_LENGTH", place("a".repeat(0x10000), 0xffffffff));
  });

  it("has no control characters", () => {
    const place = (line: string) => () => placeCommandLine(plainMemory(mib), line, 2047);
    const error = refusal("KATA_VMM_COMMAND_LINE_CHARACTER", place("quiet\nroot=/dev/x"));
    expect(error.message).to.include("0xa").and.include("position 5");
    refusal("KATA_VMM_COMMAND_LINE_CHARACTER", place("a\0b"));
  });

  it("of any text is written as it is, or refused", () => {
    const memory = plainMemory(mib);
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (line) => {
        memory.slice(layout.commandLine, 256).fill(0xff);
        const done = orRefusal(() => {
          placeCommandLine(memory, line, 64);
          return true;
        });
        if (done !== true) return;
        const bytes = Buffer.from(memory.slice(layout.commandLine, 256));
        expect(bytes.subarray(0, bytes.indexOf(0)).toString()).to.equal(Buffer.from(line).toString());
      }),
      { numRuns: 2000 },
    );
  });
});
