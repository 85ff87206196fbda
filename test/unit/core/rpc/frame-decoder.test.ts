import { expect } from "chai";
import fc from "fast-check";
import { KataError } from "../../../../src/core/errors/error.js";
import { bodyLimit, headerLength } from "../../../../src/core/rpc/frame.js";
import { FrameDecoder } from "../../../../src/core/rpc/frame-decoder.js";
import { frame, type RawFrame } from "./fixture.js";

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const anyFrame = fc.record({
  streamId: uint32,
  type: fc.integer({ min: 1, max: 3 }),
  flags: fc.integer({ min: 0, max: 255 }),
  body: fc.uint8Array({ maxLength: 300 }),
});

/** The bytes cut at random places. */
function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length] ?? 1;
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

function decode(pieces: readonly Uint8Array[]): { frames: RawFrame[]; decoder: FrameDecoder } {
  const frames: RawFrame[] = [];
  const decoder = new FrameDecoder((streamId, type, flags, body) => {
    frames.push({ streamId, type, flags, body: Uint8Array.from(body) });
  }, "the test");
  for (const piece of pieces) decoder.push(piece);
  return { frames, decoder };
}

function codeThrown(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    return error instanceof KataError ? error.code : `not ours: ${String(error)}`;
  }
  return undefined;
}

describe("FrameDecoder", () => {
  it("gives the same frames however the bytes are cut", () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 20 }), lengths, (sent, cuts) => {
        const bytes = Buffer.concat(sent.map((f) => frame(f.streamId, f.type, f.flags, f.body)));
        const { frames, decoder } = decode(cut(bytes, cuts));
        expect(frames).to.deep.equal(sent);
        expect(decoder.partial).to.equal(false);
      }),
    );
  });

  it("knows when it is inside a frame, at whatever byte that stops", () => {
    fc.assert(
      fc.property(anyFrame, fc.nat(), (sent, seed) => {
        const bytes = frame(sent.streamId, sent.type, sent.flags, sent.body);
        const have = 1 + (seed % (bytes.length - 1));
        const { frames, decoder } = decode([bytes.subarray(0, have)]);
        expect(frames).to.deep.equal([]);
        expect(decoder.partial).to.equal(true);
      }),
    );
  });

  it("takes any garbage for frames or refuses it with a typed error", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), (pieces) => {
        const code = codeThrown(() => decode(pieces));
        expect(code).to.be.oneOf([undefined, "KATA_RPC_FRAME_TOO_LARGE", "KATA_RPC_FRAME_INVALID"]);
      }),
      { numRuns: 500 },
    );
  });

  it("refuses every length above the limit from the header alone", () => {
    const length = fc.integer({ min: bodyLimit + 1, max: 0xffffffff });
    fc.assert(
      fc.property(length, fc.integer({ min: 1, max: headerLength }), (claimed, first) => {
        const header = frame(1, 1, 0);
        new DataView(header.buffer).setUint32(0, claimed);
        expect(codeThrown(() => decode([header.subarray(0, first), header.subarray(first)]))).to.equal(
          "KATA_RPC_FRAME_TOO_LARGE",
        );
      }),
    );
  });

  it("refuses every type but request, response and data", () => {
    for (let type = 0; type < 256; type++) {
      const code = codeThrown(() => decode([frame(1, type, 0)]));
      expect(code, `type ${type}`).to.equal(type >= 1 && type <= 3 ? undefined : "KATA_RPC_FRAME_INVALID");
    }
  });

  it("takes a body of exactly the limit, in one piece and in many", () => {
    const body = Buffer.alloc(bodyLimit, 7);
    const bytes = frame(3, 3, 0, body);
    for (const pieces of [[bytes], cut(bytes, [65_536]), cut(bytes, [5, 100_003])]) {
      const { frames } = decode(pieces);
      expect(frames.length).to.equal(1);
      expect(body.equals(frames[0]?.body ?? Buffer.alloc(0))).to.equal(true);
    }
  });

  it("reserves no more than a small multiple of what came, whatever the header claims", () => {
    const header = frame(1, 1, 0);
    new DataView(header.buffer).setUint32(0, bodyLimit);
    const before = process.memoryUsage().arrayBuffers;
    const decoders = Array.from({ length: 200 }, () => decode([header, Buffer.alloc(100)]).decoder);
    expect(process.memoryUsage().arrayBuffers - before).to.be.below(16 * bodyLimit);
    expect(decoders.every((decoder) => decoder.partial)).to.equal(true);
  });

  it("copies no frame that lies within one piece", () => {
    const bytes = Buffer.from(frame(1, 1, 0, Buffer.from("body")));
    let shared = false;
    new FrameDecoder((_id, _type, _flags, body) => {
      shared = body.buffer === bytes.buffer;
    }, "the test").push(bytes);
    expect(shared).to.equal(true);
  });

  it("hands nothing over once it was stopped, not even from the same piece", () => {
    let taken = 0;
    const decoder: FrameDecoder = new FrameDecoder(() => {
      taken++;
      decoder.stop();
    }, "the test");
    decoder.push(Buffer.concat([frame(1, 1, 0), frame(3, 1, 0)]));
    decoder.push(frame(5, 1, 0));
    expect(taken).to.equal(1);
  });
});
