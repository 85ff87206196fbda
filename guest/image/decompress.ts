import { gunzipSync } from "node:zlib";
import { runCommand } from "./command.js";
import { lz4LegacyMagic, unpackLz4Legacy } from "./lz4-legacy.js";

const magic = {
  gzip: Buffer.from([0x1f, 0x8b, 0x08]),
  xz: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]),
  zstd: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
} as const;

const begins = (data: Buffer, start: Buffer): boolean => data.subarray(0, start.length).equals(start);

/**
 * Unpacks what the kernel's build may have packed: gzip, and xz or zstd by their programs. Anything else is given back as
 * it is.
 */
export async function decompress(data: Buffer): Promise<Buffer> {
  if (begins(data, magic.gzip)) return gunzipSync(data);
  if (begins(data, magic.xz)) return runCommand("xz", ["--decompress", "--stdout", "--single-stream"], { input: data });
  if (begins(data, magic.zstd)) return runCommand("zstd", ["--decompress", "--stdout", "--quiet"], { input: data });
  if (data.length >= 4 && data.readUInt32LE(0) === lz4LegacyMagic) {
    return unpackLz4Legacy(data.subarray(0, -4), data.readUInt32LE(data.length - 4));
  }
  return data;
}
