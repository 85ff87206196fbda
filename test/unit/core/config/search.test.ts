import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../../../src/core/config/load.js";
import { findConfig } from "../../../../src/core/config/search.js";
import { ConfigFixture, refusalOf } from "./config-fixture.js";

describe("searching the configuration file", () => {
  let fixture: ConfigFixture;
  beforeEach(() => {
    fixture = new ConfigFixture();
  });
  afterEach(() => fixture.remove());

  const env = {};

  it("takes a path, then KATA_CONF_FILE, then ConfigPath, then the first of the list", async () => {
    const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => fixture.write(`${name}.toml`, ""));
    if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error("no files");
    const searchPaths = [join(fixture.directory, "none.toml"), join(d, "below-a-file"), d];
    const all = { path: a, env: { KATA_CONF_FILE: b }, configPath: c, searchPaths };
    expect(await findConfig(all)).to.deep.equal({ file: a, asked: "asked for" });
    expect(await findConfig({ ...all, path: "" })).to.deep.equal({ file: b, asked: "KATA_CONF_FILE" });
    expect(await findConfig({ configPath: c, searchPaths, env })).to.deep.equal({
      file: c,
      asked: "containerd's ConfigPath",
    });
    expect(await findConfig({ searchPaths, env })).to.deep.equal({ file: d, asked: "found there" });
  });

  it("finds nothing when nothing is there, and all is as built in", async () => {
    const options = { searchPaths: [join(fixture.directory, "none.toml")], env };
    expect(await findConfig(options)).to.equal(undefined);
    const config = await loadConfig(options);
    expect(config.file).to.equal(undefined);
    expect(config.runtime).to.include({ name: "virt-container", hypervisor_name: "qemu", agent_name: "kata" });
    expect(config.hypervisor).to.include({ kernel: "", initrd: "", image: "", path: "" });
    for (const entry of config.listing()) expect(entry.origin).to.deep.equal({ kind: "default" });
  });

  it("does not look at all when the built-in configuration is asked for", async () => {
    const config = await loadConfig({ builtIn: true, path: "/nowhere", env: { KATA_CONF_FILE: "/nowhere" } });
    expect(config.file).to.equal(undefined);
  });

  it("wants a named file to be there, a regular one, and says who named it", async () => {
    const missing = join(fixture.directory, "none.toml");
    const error = await refusalOf(findConfig({ configPath: missing, env }));
    expect(error.code).to.equal("KATA_CONFIG_READ");
    expect(error.message).to.equal(
      `cannot read the configuration file ${missing} (containerd's ConfigPath): it does not exist`,
    );
    const directory = await refusalOf(loadConfig({ path: fixture.directory, env }));
    expect(directory.message).to.contain("it is not a regular file");
    const fifo = join(fixture.directory, "fifo");
    execFileSync("mkfifo", [fifo]);
    expect((await refusalOf(loadConfig({ path: fifo, env }))).message).to.contain("it is not a regular file");
  });

  it("does not pass over a file it cannot read", async () => {
    const loop = join(fixture.directory, "loop.toml");
    symlinkSync(loop, loop);
    const error = await refusalOf(findConfig({ searchPaths: [loop], env }));
    expect(error.code).to.equal("KATA_CONFIG_READ");
  });

  it("trusts KATA_CONF_FILE only where nobody else can write", async () => {
    const file = fixture.write("dir/env.toml", "");
    const directory = join(fixture.directory, "dir");
    const options = { env: { KATA_CONF_FILE: file } };
    expect((await findConfig(options))?.file).to.equal(file);

    chmodSync(file, 0o664);
    const writable = await refusalOf(findConfig(options));
    expect(writable.code).to.equal("KATA_CONFIG_UNTRUSTED");
    expect(writable.status).to.equal("PERMISSION_DENIED");
    expect(writable.message).to.contain(`${file} can be written by group or others (mode 664)`);

    chmodSync(file, 0o644);
    chmodSync(directory, 0o777);
    expect((await refusalOf(findConfig(options))).message).to.contain(`${directory} can be written by group or others`);

    chmodSync(directory, 0o755);
    expect((await findConfig(options))?.file).to.equal(file);
  });

  it("trusts the target of a link and not the link's own place", async () => {
    mkdirSync(join(fixture.directory, "open"));
    chmodSync(join(fixture.directory, "open"), 0o777);
    const target = fixture.write("open/env.toml", "");
    const link = join(fixture.directory, "link.toml");
    symlinkSync(target, link);
    expect((await refusalOf(findConfig({ env: { KATA_CONF_FILE: link } }))).code).to.equal("KATA_CONFIG_UNTRUSTED");
  });

  it("does not trust a file of another user", async function () {
    if (process.getuid?.() !== 0) this.skip();
    const file = fixture.write("env.toml", "");
    chownSync(file, 12345, 0);
    const error = await refusalOf(findConfig({ env: { KATA_CONF_FILE: file } }));
    expect(error.message).to.contain(`${file} belongs to user 12345`);
    expect((await findConfig({ env: { KATA_CONF_FILE: file }, trustedOwner: 12345 }))?.file).to.equal(file);
  });
});
