/** First 32 bits of the fractional parts of the `root`th roots of the first `count` primes (FIPS 180-4, 4.2.2 and 5.3.3). */
function fractions(count: number, root: 2 | 3): Uint32Array {
  const values: number[] = [];
  for (let candidate = 2; values.length < count; candidate++) {
    let divisor = 2;
    while (divisor * divisor <= candidate && candidate % divisor !== 0) divisor++;
    if (divisor * divisor <= candidate) continue;
    const value = root === 2 ? Math.sqrt(candidate) : Math.cbrt(candidate);
    values.push((value % 1) * 2 ** 32);
  }
  return Uint32Array.from(values);
}

const rotate = (value: number, bits: number): number => (value >>> bits) | (value << (32 - bits));

/** The message with its padding and length, in whole blocks of 64 bytes. */
function pad(message: Uint8Array): DataView {
  const padded = new Uint8Array(((message.length + 72) >> 6) << 6);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(message.length) * 8n);
  return view;
}

/**
 * SHA-256 of a short text, in hexadecimal. Written out because `node:crypto` takes two milliseconds to load, a tenth of
 * what starting the shim may add to starting Node.
 */
export function sha256(text: string): string {
  const view = pad(new TextEncoder().encode(text));
  const constants = fractions(64, 3);
  const state = fractions(8, 2);
  const words = new Uint32Array(64);
  const word = (index: number): number => words[index] ?? 0;
  for (let block = 0; block < view.byteLength; block += 64) {
    for (let index = 0; index < 64; index++) {
      if (index < 16) {
        words[index] = view.getUint32(block + index * 4);
        continue;
      }
      const [early, late] = [word(index - 15), word(index - 2)];
      const sigma0 = rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3);
      const sigma1 = rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10);
      words[index] = word(index - 16) + sigma0 + word(index - 7) + sigma1;
    }
    let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
    for (let index = 0; index < 64; index++) {
      const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const first = (h + sum1 + ((e & f) ^ (~e & g)) + (constants[index] ?? 0) + word(index)) >>> 0;
      const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const second = (sum0 + ((a & b) ^ (a & c) ^ (b & c))) >>> 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) >>> 0, c, b, a, (first + second) >>> 0];
    }
    for (const [index, value] of [a, b, c, d, e, f, g, h].entries()) state[index] = (state[index] ?? 0) + value;
  }
  return Array.from(state, (value) => value.toString(16).padStart(8, "0")).join("");
}
