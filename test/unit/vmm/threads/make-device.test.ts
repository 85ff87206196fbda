import { closeSync, constants, openSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { codeOf } from "../../../../src/core/errors/error.js";
import { silentLogger } from "../../../../src/core/log.js";
import { fakeSys } from "../../../../src/testing/fake-sys.js";
import type { DiskSpec } from "../../../../src/vmm/threads/device-spec.js";
import { makeDevice } from "../../../../src/vmm/threads/make-device.js";
import { temporaryDirectory } from "../../core/sys/fixture.js";
import { skip } from "../../../support/skip.js";

/** The flags of each descriptor that this process has of a file. */
function flagsOf(path: string): number[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`) !== path) return [];
      const [, flags = ""] = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8")) ?? [];
      return [Number.parseInt(flags, 8)];
    } catch {
      // The descriptor by which the directory was read is gone.
      return [];
    }
  });
}

describe("making a disk's device", () => {
  const temporary = temporaryDirectory();
  const sys = fakeSys();
  const make = (more: Partial<DiskSpec>) => {
    const path = join(temporary.path, "disk.img");
    writeFileSync(path, Buffer.alloc(8192));
    const tools = { sys, log: silentLogger, memory: {} as never, memoryPlugged: () => undefined };
    return { path, making: makeDevice(tools, { kind: "disk", id: "disk", path, readOnly: false, ...more }) };
  };

  before(() => sys.answer("files", "pathOfFd", (fd) => `/proc/self/fd/${fd}`));

  it("opens it once, as it may be used, and closes it", async () => {
    const { path, making } = make({ readOnly: true });
    const device = await making;
    expect(flagsOf(path).map((flags) => flags & 3)).to.deep.equal([constants.O_RDONLY]);
    await device.close();
    expect(flagsOf(path)).to.deep.equal([]);
  });

  it("opens it a second time to go past the host's cache, and closes both", async function () {
    const { path, making } = make({ direct: true });
    try {
      closeSync(openSync(path, constants.O_RDONLY | constants.O_DIRECT));
    } catch {
      await making.catch(() => undefined);
      skip(this, "the file system of the temporary directory has no O_DIRECT");
    }
    const device = await making;
    expect(flagsOf(path).filter((flags) => (flags & constants.O_DIRECT) !== 0)).to.have.length(1);
    expect(flagsOf(path)).to.have.length(2);
    await device.close();
    expect(flagsOf(path)).to.deep.equal([]);
  });

  it("says so when the file system cannot go past the cache, and closes what is open", async () => {
    sys.answer("files", "pathOfFd", () => "/nonexistent/disk");
    const { path, making } = make({ direct: true });
    expect(await making.catch(codeOf)).to.equal("KATA_VMM_DISK_DIRECT");
    expect(flagsOf(path)).to.deep.equal([]);
  });
});
