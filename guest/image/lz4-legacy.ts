import { imageErrors } from "./errors.js";

/** First bytes of the "legacy" LZ4 frame, which `lz4 -l` writes and Linux reads. */
export const lz4LegacyMagic = 0x184c2102;

/** Bytes a block of the legacy frame holds at most, unpacked. */
const blockLimit = 8 << 20;

function bad(problem: string): Error {
  return imageErrors.KATA_GUEST_IMAGE_FORMAT({ what: "LZ4 data", problem });
}

/** Unpacks one LZ4 block from `from` into `to` at `at`; the position after it. */
function unpackBlock(from: Buffer, to: Buffer, at: number): number {
  let input = 0;
  let output = at;

  const lengthRest = (): number => {
    let sum = 0;
    let byte: number;
    do {
      if (input >= from.length) throw bad("it ends inside of a length");
      byte = from.readUInt8(input++);
      sum += byte;
    } while (byte === 0xff);
    return sum;
  };

  while (input < from.length) {
    const token = from.readUInt8(input++);
    let literals = token >> 4;
    if (literals === 15) literals += lengthRest();
    if (input + literals > from.length || output + literals > to.length) throw bad("a literal run leaves its block");
    from.copy(to, output, input, input + literals);
    input += literals;
    output += literals;
    if (input === from.length) break;

    if (input + 2 > from.length) throw bad("it ends inside of an offset");
    const offset = from.readUInt16LE(input);
    input += 2;
    let length = (token & 15) + 4;
    if (length === 19) length += lengthRest();
    const start = output - offset;
    if (offset === 0 || start < at || output + length > to.length) throw bad("a match leaves its block");
    // A match may overlap what it makes: then it repeats the `offset` bytes before it.
    for (let done = 0; done < length; done += offset) {
      to.copyWithin(output + done, start, start + Math.min(offset, length - done));
    }
    output += length;
  }
  return output;
}

/** Unpacks a legacy LZ4 frame into `size` bytes, which must be exactly what it holds. */
export function unpackLz4Legacy(frame: Buffer, size: number): Buffer {
  if (frame.length < 4 || frame.readUInt32LE(0) !== lz4LegacyMagic) throw bad("it does not begin as such");
  const result = Buffer.alloc(size);
  let input = 4;
  let output = 0;
  while (output < size) {
    if (input + 4 > frame.length) throw bad("it ends before its last block");
    const length = frame.readUInt32LE(input);
    input += 4;
    if (length === 0 || input + length > frame.length) throw bad(`a block of ${length} bytes leaves it`);
    const end = Math.min(size, output + blockLimit);
    output = unpackBlock(frame.subarray(input, input + length), result.subarray(0, end), output);
    input += length;
  }
  return result;
}
