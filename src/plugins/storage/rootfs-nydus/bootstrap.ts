import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from "node:fs";
import type { NydusImage } from "./options.js";

/** Where each version has its number, and which (nydus' docs/nydus-design.md; version 6 is an erofs). */
const magics = { v5: { offset: 0, magic: 0x52414653 }, v6: { offset: 1024, magic: 0xe0f5e1e2 } } as const;

/** The file of an image's metadata, behind all links; an error with the reason where it is none of its version. */
export function bootstrapFile({ source, version }: Pick<NydusImage, "source" | "version">): string {
  const path = realpathSync(source);
  const { offset, magic } = magics[version];
  const bytes = Buffer.alloc(4);
  // A fifo that has come to stand there is not waited for.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    if (!fstatSync(fd).isFile()) throw new Error("that is no file");
    const read = readSync(fd, bytes, 0, bytes.length, offset);
    if (read < bytes.length || bytes.readUInt32LE() !== magic) throw new Error(`that is no RAFS ${version}`);
  } finally {
    closeSync(fd);
  }
  return path;
}
