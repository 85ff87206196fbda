import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { BootFiles } from "../../../../../src/plugins/hypervisors/dragonball/boot-files.js";

describe("the files that a machine boots from", () => {
  let directory: string;
  let files: BootFiles;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kata-ts-boot-files-"));
    files = new BootFiles(createLinuxSys());
  });
  afterEach(() => {
    files[Symbol.dispose]();
    rmSync(directory, { recursive: true });
  });

  const write = (name: string, content: Uint8Array): string => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return path;
  };

  it("are what they are on the disk, with their names", async () => {
    const content = Buffer.from(Array.from({ length: 10_001 }, (_, at) => at % 251));
    const path = write("kernel", content);
    const { name, bytes } = await files.read(path);
    expect(name).to.equal(path);
    expect(Buffer.from(bytes).equals(content)).to.equal(true);
    const second = await files.read(write("initrd", content.subarray(7)));
    expect(Buffer.from(second.bytes).equals(content.subarray(7))).to.equal(true);
  });

  it("may be empty, for whoever loads them to refuse", async () => {
    expect((await files.read(write("kernel", Buffer.alloc(0)))).bytes).to.have.length(0);
  });

  it("are not there any more once they are closed", async () => {
    const { bytes } = await files.read(write("kernel", Buffer.alloc(5000, 1)));
    files[Symbol.dispose]();
    expect(bytes.every((byte) => byte === 0)).to.equal(true);
    files[Symbol.dispose]();
  });

  it("say which of them is missing", async () => {
    const path = join(directory, "none");
    const error = await files.read(path).catch((caught: unknown) => caught);
    expect(error).to.include({ code: "ENOENT", path });
  });
});
