import { decompress } from "./decompress.js";
import { isElf } from "./elf.js";
import { imageErrors } from "./errors.js";

/** Places in the header of a bzImage (Documentation/x86/boot.rst). */
const header = {
  setupSectors: 0x1f1,
  magic: 0x202,
  version: 0x206,
  payloadOffset: 0x248,
  payloadLength: 0x24c,
} as const;

/** The first version of the boot protocol whose header tells where the packed kernel is. */
const firstWithPayload = 0x208;

/** Sectors of set-up code when the header says zero. */
const defaultSetupSectors = 4;

/** Bytes of a sector. */
const sector = 512;

function bad(problem: string): Error {
  return imageErrors.KATA_GUEST_IMAGE_FORMAT({ what: "the kernel", problem });
}

/** The packed kernel inside of a bzImage. A build appends the unpacked size to what it packs with anything but gzip. */
export function kernelPayload(image: Buffer): Buffer {
  if (image.length < 0x250 || image.toString("latin1", header.magic, header.magic + 4) !== "HdrS") {
    throw bad("it is no bzImage");
  }
  const version = image.readUInt16LE(header.version);
  if (version < firstWithPayload) throw bad(`its boot protocol ${version.toString(16)} is older than 2.08`);
  const setup = (image.readUInt8(header.setupSectors) || defaultSetupSectors) + 1;
  const start = setup * sector + image.readUInt32LE(header.payloadOffset);
  const end = start + image.readUInt32LE(header.payloadLength);
  if (end > image.length) throw bad("its packed part leaves the file");
  return image.subarray(start, end);
}

/**
 * The kernel itself, an ELF file, out of a distribution's bzImage. Booted by its PVH entry it starts without the firmware's
 * detour and without unpacking itself, which under emulation is a fifth of a second; it also starts at the address it was
 * linked for, so the guest's kernel is not at a random place (KASLR).
 */
export async function extractVmlinux(image: Buffer): Promise<Buffer> {
  const kernel = await decompress(kernelPayload(image));
  if (!isElf(kernel)) throw bad("it is packed in a way that is not known here");
  return kernel;
}
