import { expect } from "chai";
import { placeInitrd } from "../../../../src/vmm/boot/initrd.js";
import type { LoadedKernel } from "../../../../src/vmm/boot/kernel/kernel-image.js";
import { mib, plainMemory } from "./plain-memory.js";
import { refusal } from "./refusal.js";

const kernel = (end: number, initrdAddressMax = 0x7fffffff): LoadedKernel => ({
  format: "vmlinux",
  entry: mib,
  end,
  setupHeader: new Uint8Array(),
  initrdAddressMax,
  commandLineMax: 2047,
});
const file = (size: number) => ({ name: "/k/initrd", bytes: Buffer.alloc(size, 0xcd) });

describe("an initrd", () => {
  it("is put at a page's beginning, as far up as memory goes", () => {
    const memory = plainMemory(16 * mib, mib);
    const placed = placeInitrd(memory, file(5000), kernel(2 * mib));
    expect(placed).to.deep.equal({ address: 16 * mib - 8192, size: 5000 });
    expect(Buffer.from(memory.slice(placed.address, 5001)).lastIndexOf(0xcd)).to.equal(4999);
    expect(placeInitrd(memory, file(8192), kernel(2 * mib)).address).to.equal(16 * mib - 8192);
  });

  it("is put no higher than the kernel reads one from", () => {
    expect(placeInitrd(plainMemory(16 * mib), file(4096), kernel(2 * mib, 8 * mib - 1)).address).to.equal(
      8 * mib - 4096,
    );
    expect(placeInitrd(plainMemory(16 * mib), file(4096), kernel(2 * mib, 8 * mib - 2)).address).to.equal(
      8 * mib - 8192,
    );
  });

  it("is refused when it does not fit above the kernel, or is empty", () => {
    const place = (size: number, end: number) => () => placeInitrd(plainMemory(16 * mib), file(size), kernel(end));
    expect(place(mib, 15 * mib)().address).to.equal(15 * mib);
    const error = refusal("KATA_VMM_INITRD_SPACE", place(mib, 15 * mib + 1));
    expect(error.message).to.include("/k/initrd").and.include("1048576 bytes").and.include("0xf01000 and 0x1000000");
    refusal("KATA_VMM_INITRD_SPACE", place(17 * mib, 2 * mib));
    refusal("KATA_VMM_INITRD_EMPTY", place(0, 2 * mib));
  });
});
