import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { SandboxRecord } from "../../../../src/core/sandbox/record.js";
import { undoRecord } from "../../../../src/core/sandbox/undo-record.js";
import { SwapFiles } from "../../../../src/core/swap/swap-files.js";
import { type FakeSys, fakeSys } from "../../../../src/testing/fake-sys.js";
import { rejected, temporaryDirectory, thrown } from "../sys/fixture.js";

const MiB = 2 ** 20;

describe("swap files", () => {
  const directory = temporaryDirectory();
  let root: string;
  let sys: FakeSys;
  let record: SandboxRecord;

  beforeEach(() => {
    root = join(directory.path, "some", "swap");
    const run = join(directory.path, "run");
    mkdirSync(run, { mode: 0o700 });
    sys = fakeSys();
    record = SandboxRecord.create(run, { namespace: "default", id: "pod" });
  });

  const make = (name = "default:pod") => new SwapFiles({ sys, record, root, name });
  const own = () => join(root, "default:pod");
  const free = (availableBytes: number) =>
    sys.answer("files", "statfs", () => ({
      type: 0,
      blockSize: 4096,
      totalBytes: 2 ** 40,
      availableBytes,
      freeBytes: availableBytes,
      totalFiles: 0,
      freeFiles: 0,
    }));

  async function prepared(name?: string): Promise<SwapFiles> {
    const files = make(name);
    await files.prepare();
    return files;
  }

  it("are their owner's alone, have a head and no other blocks, and go with their directory", async () => {
    const files = await prepared();
    const { path, bytes } = files.make(64 * MiB);
    const { mode, size, blocks } = statSync(path);
    expect([path, bytes, mode & 0o7777, size]).to.deep.equal([join(own(), "swap0"), 64 * MiB, 0o600, 64 * MiB]);
    expect(blocks * 512).to.be.at.most(MiB);
    expect(readFileSync(path).toString("latin1", 4086, 4096)).to.equal("SWAPSPACE2");
    expect([root, own()].map((one) => statSync(one).mode & 0o7777)).to.deep.equal([0o700, 0o700]);
    expect(files.make(MiB).path).to.equal(join(own(), "swap1"));
    expect(files.bytes).to.equal(65 * MiB);
    await files.cleanup();
    await files.cleanup();
    expect(readdirSync(root)).to.deep.equal([]);
    expect(record.content.paths).to.deep.equal([]);
  });

  it("are removed by the record of a sandbox whose process was killed", async () => {
    (await prepared()).make(MiB);
    expect(await undoRecord(sys, record.content)).to.deep.equal([]);
    expect(readdirSync(root)).to.deep.equal([]);
  });

  it("are never more than the file system has for all of them", async () => {
    free(10 * MiB);
    const others = await prepared("default:other");
    others.make(6 * MiB);
    const files = await prepared();
    files.make(3 * MiB);
    const refused = () => files.make(2 * MiB);
    expect(thrown(refused)).to.equal("KATA_SWAP_SPACE");
    expect(refused).to.throw(`no room for ${2 * MiB} bytes of swap: ${10 * MiB} bytes are free, of which`);
    expect(readdirSync(own())).to.deep.equal(["swap0"]);
    expect(files.bytes).to.equal(3 * MiB);
    await others.cleanup();
    expect(files.make(2 * MiB).bytes).to.equal(2 * MiB);
  });

  it("are not made where another sandbox has its own, or others could change them", async () => {
    await prepared();
    const other = make();
    expect(await rejected(() => other.prepare())).to.equal("KATA_SWAP_DIRECTORY");
    await other.cleanup();
    expect(existsSync(own())).to.equal(true);
    root = join(directory.path, "open");
    mkdirSync(root);
    chmodSync(root, 0o777);
    expect(await rejected(() => make().prepare())).to.equal("KATA_SWAP_DIRECTORY");
    writeFileSync(join(directory.path, "file"), "");
    for (root of [join(directory.path, "file"), join(directory.path, "file", "below"), "/proc/none/below"]) {
      expect(await rejected(() => make().prepare()), root).to.equal("KATA_SWAP_DIRECTORY");
    }
  });

  it("never go through a link, nor over what is there", async () => {
    const files = await prepared();
    const victim = join(directory.path, "victim");
    writeFileSync(victim, "kept");
    symlinkSync(victim, join(own(), "swap0"));
    writeFileSync(join(own(), "swap1"), "kept");
    for (const _ of [0, 1]) expect(thrown(() => files.make(MiB))).to.equal("KATA_SWAP_DIRECTORY");
    expect([readFileSync(victim, "utf8"), readFileSync(join(own(), "swap1"), "utf8")]).to.deep.equal(["kept", "kept"]);
    expect(files.make(MiB).path).to.equal(join(own(), "swap2"));
  });

  it("that the machine has are taken over by the next process, and those it has not are removed", async () => {
    const first = await prepared();
    const [one, , three] = [1, 2, 3].map((size) => first.make(size * MiB));
    const next = make();
    const disks = [{ path: "/dev/other" }, { path: one?.path ?? "" }, { path: three?.path ?? "" }];
    expect(next.takeOver(disks)).to.deep.equal([one, three]);
    expect(next.bytes).to.equal(4 * MiB);
    expect(readdirSync(own())).to.deep.equal(["swap0", "swap2"]);
    expect(next.make(MiB).path).to.equal(join(own(), "swap3"));
  });

  it("of a process that was killed before it had any are none", () => {
    expect(make().takeOver([])).to.deep.equal([]);
  });
});
