import { lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { expect } from "chai";
import { FileOutput } from "../../../../src/core/io/file-output.js";
import { sys, workspace } from "./fixture.js";

describe("FileOutput", () => {
  let work: ReturnType<typeof workspace>;

  beforeEach(() => {
    work = workspace();
  });

  afterEach(() => work.remove());

  const failure = (path: string): Promise<unknown> =>
    FileOutput.open("stdout", path).then(
      () => "opened",
      (error: unknown) => error,
    );

  it("makes the file and its directories, and appends to what is there", async () => {
    const path = work.path("a/b/log");
    const first = await FileOutput.open("stdout", path);
    await first.write(Buffer.from("one\n"));
    first.end();
    await first.close();
    const again = await FileOutput.open("stdout", path);
    const other = await FileOutput.open("stderr", path);
    await again.write(Buffer.from("two\n"));
    await other.write(Buffer.from("three\n"));
    await again.write(Buffer.from("four\n"));
    await again.close();
    await other.close();
    expect(readFileSync(path, "utf8")).to.equal("one\ntwo\nthree\nfour\n");
    expect(statSync(path).mode & 0o777 & ~process.umask()).to.equal(0o644 & ~process.umask());
  });

  it("refuses a symbolic link, a directory, a fifo and a device, and leaves them alone", async () => {
    const target = work.path("target");
    writeFileSync(target, "precious");
    const link = work.path("link");
    symlinkSync(target, link);
    const directory = work.path("directory");
    mkdirSync(directory);
    const fifo = work.path("fifo");
    sys.fifos.create(fifo);
    for (const [path, what] of [
      [link, "symbolic link"],
      [directory, "regular file"],
      [fifo, "regular file"],
      ["/dev/null", "regular file"],
    ] as const) {
      const error = await failure(path);
      expect(error).to.have.property("code", "KATA_IO_FILE");
      expect(error).to.have.property("message").that.includes(what).and.includes(path);
    }
    expect(readFileSync(target, "utf8")).to.equal("precious");
    expect(lstatSync(link).isSymbolicLink()).to.equal(true);
  });

  it("says why a file cannot be made", async () => {
    writeFileSync(work.path("file"), "");
    const error = await failure(work.path("file/below"));
    expect(error).to.have.property("code", "KATA_IO_FILE");
    expect(error)
      .to.have.property("message")
      .that.matches(/ENOTDIR|EEXIST/);
  });

  it("takes nothing after its end", async () => {
    const output = await FileOutput.open("stdout", work.path("log"));
    await output.close();
    expect(await output.write(Buffer.from("x")).catch((error: unknown) => error)).to.have.property(
      "code",
      "KATA_IO_CLOSED",
    );
  });
});
