import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { AgentCapabilities } from "../../../../../src/core/contracts/agent.js";
import { withDeadline } from "../../../../../src/core/deadline.js";
import { messageOf } from "../../../../../src/core/errors/error.js";
import { silentLogger } from "../../../../../src/core/log.js";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { CopiedVolume } from "../../../../../src/plugins/storage/volume-copy/copied-volume.js";
import { matchCopied } from "../../../../../src/plugins/storage/volume-copy/match.js";
import { matchLocal } from "../../../../../src/plugins/storage/volume-local/match.js";
import { matchSharedBind } from "../../../../../src/plugins/storage/volume-shared-bind/match.js";
import { FakeAgent } from "../../../../../src/testing/fake-agent.js";
import { FakeShareFs } from "../../../../../src/testing/fake-share-fs.js";
import { rejected, temporaryDirectory } from "../../../core/sys/fixture.js";

type SentFile = Parameters<AgentCapabilities["copy-file"]["copyFile"]>[0];

const guestPath = "/run/kata-containers/c/volumes/2-data";
const never = new AbortController().signal;

describe("CopiedVolume", () => {
  const sys = createLinuxSys();
  const directory = temporaryDirectory();
  let source: string;
  let agent: FakeAgent;
  let sent: SentFile[];
  let volume: CopiedVolume | undefined;
  let failure: Error | undefined;

  beforeEach(() => {
    source = join(directory.path, "source");
    mkdirSync(source);
    agent = new FakeAgent();
    sent = [];
    failure = undefined;
    agent.capabilities["copy-file"] = {
      copyFile: async (file) => {
        if (failure !== undefined) throw failure;
        sent.push({ ...file, data: Buffer.from(file.data) });
      },
    };
  });
  afterEach(async () => {
    await volume?.cleanup();
    volume = undefined;
  });

  const mountOf = (path: string, options = ["rbind", "ro"]) => ({
    destination: "/some/data",
    type: "bind",
    source: path,
    options,
  });
  const make = (path = source, options?: string[]): CopiedVolume => {
    const request = { containerId: "c", sandboxId: "s", mount: mountOf(path, options), index: 2, hugePageLimits: [] };
    const parts = { shareFs: undefined, disks: undefined, agent, annotations: {} };
    return (volume = new CopiedVolume({ sys, log: silentLogger }, { ...request, ...parts }));
  };
  const copied = async (path = source): Promise<CopiedVolume> => {
    const one = make(path);
    await one.prepare();
    await one.attach(never);
    return one;
  };
  /** Paths below the copy, each with its contents, in the order in which they came. */
  const told = () =>
    sent.map(({ path, data }) => {
      expect(path.startsWith(guestPath)).to.equal(true);
      return `${path.slice(guestPath.length)}=${Buffer.from(data).toString()}`;
    });
  const until = (what: string, condition: () => boolean): Promise<void> =>
    withDeadline({ ms: 20_000, what }, async (signal) => {
      while (!condition() && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
    });

  it("takes binds where nothing is shared, which no other does", () => {
    const mount = mountOf(source);
    expect(matchCopied({ mount, shareFs: undefined })).to.be.above(0);
    expect(matchCopied({ mount, shareFs: new FakeShareFs() })).to.equal(0);
    expect(matchSharedBind({ mount, shareFs: undefined })).to.equal(0);
    const empty = mountOf("/x/kubernetes.io~empty-dir/y");
    expect(matchLocal({ mount: empty, shareFs: undefined })).to.be.above(
      matchCopied({ mount: empty, shareFs: undefined }),
    );
  });

  it("copies directories, files and links with their modes, links last", async () => {
    chmodSync(source, 0o750);
    mkdirSync(join(source, "zz"), { mode: 0o711 });
    writeFileSync(join(source, "zz/file"), "of zz", { mode: 0o640 });
    writeFileSync(join(source, "empty"), "");
    symlinkSync("zz/file", join(source, "a-link"));
    symlinkSync("/nowhere/at/all", join(source, "dangling"));
    const one = make();
    expect(await one.prepare()).to.deep.equal({ mounts: [{ ...mountOf(source), source: guestPath }] });
    expect(sent).to.deep.equal([]);
    await one.attach(never);
    expect(told().slice(0, 2)).to.deep.equal(["=", "/zz="]);
    expect(told().slice(2, 4)).to.have.members(["/zz/file=of zz", "/empty="]);
    expect(told().slice(4)).to.have.members(["/a-link=zz/file", "/dangling=/nowhere/at/all"]);
    const modes = Object.fromEntries(sent.map(({ path, mode }) => [path.slice(guestPath.length), mode.toString(8)]));
    expect(modes).to.include({ "": "40750", "/zz": "40711", "/zz/file": "100640", "/a-link": "120777" });
  });

  it("copies a large file in pieces, and a file alone", async () => {
    const file = join(source, "large");
    writeFileSync(file, Buffer.alloc(2 ** 20 + 5, "x"));
    await copied(file);
    expect(sent.map(({ path, offset, size, data }) => [path, offset, size, data.length])).to.deep.equal([
      [guestPath, 0, 2 ** 20 + 5, 2 ** 20],
      [guestPath, 2 ** 20, 2 ** 20 + 5, 5],
    ]);
  });

  it("copies what changes, and nothing else again: a volume that the kubelet swaps", async () => {
    const publish = (version: string): void => {
      mkdirSync(join(source, version));
      writeFileSync(join(source, version, "key"), `of ${version}`);
      symlinkSync(version, join(source, "..data_tmp"));
      renameSync(join(source, "..data_tmp"), join(source, "..data"));
    };
    publish("..1");
    symlinkSync("..data/key", join(source, "key"));
    await copied();
    expect(told()).to.have.members(["=", "/..1=", "/..1/key=of ..1", "/..data=..1", "/key=..data/key"]);
    sent = [];
    publish("..2");
    rmSync(join(source, "..1"), { recursive: true });
    await until("the new version to be copied", () => told().includes("/..data=..2"));
    expect(told()).to.deep.equal(["/..2=", "/..2/key=of ..2", "/..data=..2"]);
    sent = [];
    writeFileSync(join(source, "..2/more"), "in a directory that came later");
    await until("a change in a new directory to be copied", () => sent.length > 0);
    expect(told()).to.deep.equal(["/..2/more=in a directory that came later"]);
  });

  it("goes on after a change that could not be copied", async () => {
    await copied();
    failure = new Error("the guest is busy");
    writeFileSync(join(source, "one"), "1");
    await new Promise((resolve) => setTimeout(resolve, 700));
    failure = undefined;
    writeFileSync(join(source, "two"), "2");
    await until("both files to be copied", () => told().length === 3);
    expect(told().slice(1)).to.have.members(["/one=1", "/two=2"]);
  });

  it("goes on in another shim: what is read-only is copied anew, what containers write to is not", async () => {
    writeFileSync(join(source, "file"), "1");
    const fixed = make();
    await fixed.adopt();
    await until("it to be copied anew", () => told().includes("/file=1"));
    await fixed.cleanup();
    sent = [];
    const written = make(source, ["rbind", "rw"]);
    await written.adopt();
    writeFileSync(join(source, "later"), "2");
    await until("a change to be copied", () => told().includes("/later=2"));
    expect(told()).to.not.include("/file=1");
    await written.cleanup();
    const gone = make(join(source, "gone"));
    await gone.adopt();
    await gone.cleanup();
  });

  it("watches nothing any more when it has ended, and leaves no descriptor", async () => {
    const before = readdirSync("/proc/self/fd").length;
    const one = await copied();
    await one.cleanup();
    await one.cleanup();
    sent = [];
    writeFileSync(join(source, "late"), "");
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(sent).to.deep.equal([]);
    // libuv keeps the one inotify descriptor of a process, once it has it.
    expect(readdirSync("/proc/self/fd").length - before).to.be.at.most(1);
  });

  it("follows no link that is planted, not even into the place of a directory", async () => {
    const secret = join(directory.path, "secret");
    mkdirSync(secret);
    writeFileSync(join(secret, "file"), "of the host");
    symlinkSync(secret, join(source, "planted"));
    mkdirSync(join(source, "real"));
    writeFileSync(join(source, "real/file"), "of the volume");
    linkSync(join(source, "real/file"), join(source, "same"));
    const taker = agent.capabilities["copy-file"] ?? expect.fail();
    agent.capabilities["copy-file"] = {
      copyFile: async (file) => {
        // As soon as the directory was listed and sent, a link is in its place.
        if (file.path.endsWith("/real")) {
          renameSync(join(source, "real"), join(directory.path, "moved"));
          symlinkSync(secret, join(source, "real"));
        }
        await taker.copyFile(file);
      },
    };
    await copied();
    expect(told().join()).to.not.include("of the host");
    expect(told()).to.include("/same=of the volume").and.include(`/planted=${secret}`);
    symlinkSync(source, join(directory.path, "link"));
    await volume?.cleanup();
    expect(await rejected(() => make(join(directory.path, "link")).prepare())).to.equal("KATA_VOLUME_COPY");
  });

  it("has limits, which are errors that say what to do", async () => {
    const large = join(source, "large");
    writeFileSync(large, "");
    truncateSync(large, 64 * 2 ** 20);
    await copied(large);
    await volume?.cleanup();
    sent = [];
    appendFileSync(large, "x");
    const error = await copied().catch((reason: unknown) => reason);
    expect(error).to.have.property("code", "KATA_VOLUME_COPY_LIMIT");
    expect(messageOf(error))
      .to.include("the mount at /some/data")
      .and.include("67108864 bytes")
      .and.include("shared_fs");
    expect(sent).to.deep.equal([]);
    await volume?.cleanup();
    rmSync(large);
    for (let index = 0; index < 4096; index++) writeFileSync(join(source, `file${index}`), "");
    expect(await rejected(() => copied())).to.equal("KATA_VOLUME_COPY_LIMIT");
    await volume?.cleanup();
    rmSync(join(source, "file0"));
    await copied();
    expect(sent).to.have.length(4096);
  });

  it("leaves out what is no file, and names that the agent cannot be told", async () => {
    sys.files.mknod(join(source, "fifo"), "fifo", 0o600);
    writeFileSync(Buffer.concat([Buffer.from(`${source}/`), Buffer.from([0xff, 0xfe])]), "");
    writeFileSync(join(source, "file"), "");
    await copied();
    expect(told()).to.deep.equal(["=", "/file="]);
  });

  it("is an error for what is no directory and no file, and for an agent that takes none", async () => {
    for (const path of ["/dev/null", join(source, "missing")]) {
      expect(await rejected(() => make(path).prepare()), path).to.equal("KATA_VOLUME_COPY");
      await volume?.cleanup();
    }
    delete agent.capabilities["copy-file"];
    expect(await rejected(() => copied())).to.equal("KATA_VOLUME_COPY_AGENT");
  });
});
