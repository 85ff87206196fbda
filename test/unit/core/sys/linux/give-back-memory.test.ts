import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "chai";
import { privateDirty } from "../../../../../bench/process-memory.js";
import { Libc } from "../../../../../src/core/sys/linux/libc.js";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";

/** Bytes below what the C library maps by itself, and gives back by itself. */
const size = 100_000;
const count = 400;

describe("memory that the C library keeps", () => {
  it("is given back, but for what is in use", () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    let buffers = Array.from({ length: count }, (_, at) => Buffer.allocUnsafeSlow(size).fill(at & 0xff));
    // What comes last is still in use, so that the library can give back nothing by itself.
    buffers = buffers.slice(-1);
    collect();
    const before = privateDirty(process.pid);
    createLinuxSys().processes.giveBackMemory();
    expect(before - privateDirty(process.pid)).to.be.greaterThan((size * count) / 2);
    expect(buffers[0]?.every((byte) => byte === ((count - 1) & 0xff))).to.equal(true);
  });

  it("is told from what a C library has not", () => {
    const libc = new Libc();
    expect(libc.has("int malloc_trim(size_t)")).to.equal(true);
    expect(libc.has("int malloc_trim_of_nobody(size_t)")).to.equal(false);
  });
});
