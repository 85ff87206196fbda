import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { extractVmlinux, kernelPayload } from "../../../../guest/image/vmlinux.js";
import { elfFile } from "./elf-fixture.js";
import { rejection } from "./temporary-directory.js";

/** A bzImage with two sectors of set-up code, around something packed. */
function bzImage(payload: Buffer): Buffer {
  const image = Buffer.alloc(3 * 512 + 16 + payload.length);
  image.writeUInt8(2, 0x1f1);
  image.write("HdrS", 0x202, "latin1");
  image.writeUInt16LE(0x20f, 0x206);
  image.writeUInt32LE(16, 0x248);
  image.writeUInt32LE(payload.length, 0x24c);
  payload.copy(image, 3 * 512 + 16);
  return image;
}

describe("the kernel in a bzImage", () => {
  it("is where the header says", () => {
    expect(kernelPayload(bzImage(Buffer.from("packed"))).toString()).to.equal("packed");
  });

  it("is unpacked, and is an ELF file", async () => {
    const kernel = elfFile({});
    expect((await extractVmlinux(bzImage(gzipSync(kernel)))).equals(kernel)).to.equal(true);
  });

  it("is refused when it is something else", async () => {
    const error = await rejection(extractVmlinux(bzImage(gzipSync(Buffer.alloc(100)))));
    expect(error).to.have.property("code", "KATA_GUEST_IMAGE_FORMAT");
  });

  it("is refused in a file that is no bzImage, is too old, or is cut off", () => {
    const old = bzImage(Buffer.alloc(8));
    old.writeUInt16LE(0x207, 0x206);
    for (const image of [Buffer.alloc(0), Buffer.alloc(4096), old, bzImage(Buffer.alloc(64)).subarray(0, -1)]) {
      expect(() => kernelPayload(image))
        .to.throw()
        .with.property("code", "KATA_GUEST_IMAGE_FORMAT");
    }
  });
});
