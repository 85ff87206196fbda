import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { isRunning } from "../../../src/core/process/identity.js";
import { BootstrapParams } from "../../../src/core/proto/gen/containerd/bootstrap.js";
import { RuntimeInfo } from "../../../src/core/proto/gen/containerd/runtime-info.js";
import { processGroups } from "../../support/process-stat.js";
import { runProgram } from "../../support/program.js";
import { podAnnotations, ShimFixture } from "../../support/shim.js";

describe("containerd-shim-kata-ts-v2 start", () => {
  let shim: ShimFixture;

  beforeEach(() => {
    shim = new ShimFixture();
  });

  afterEach(() => shim.close());

  const pathOf = (id: string): string => shim.claim(id)?.socket ?? "nowhere";

  /** Runs `start`, expects it to fail and to leave nothing, and gives what it said. */
  async function refusal(id: string): Promise<string> {
    const { status, stdout, stderr } = await shim.start(id);
    expect(status).to.equal(1);
    expect(stdout).to.equal("");
    expect(stderr).to.match(/^containerd-shim-kata-ts-v2: [^\n]+\n$/);
    expect(shim.bundle(id).address).to.equal(undefined);
    return stderr;
  }

  it("prints the address of a socket that answers, and nothing else", async () => {
    const started = await shim.start("c1");
    const address = `unix://${pathOf("c1")}`;
    expect(started).to.deep.equal({ status: 0, signal: null, stdout: address, stderr: "" });
    expect(shim.bundle("c1").address).to.equal(address);
    expect(statSync(pathOf("c1")).mode & 0o777).to.equal(0o600);
    const error = await (await shim.client("c1")).state({ id: "c1", execId: "" }).catch(String);
    expect(error).to.contain('no container "c1"');
  });

  it("lets go of one pipe for both outputs, and of every descriptor it was given", async () => {
    const bundle = shim.bundle("c1").configure({});
    const inherited = join(shim.directory, "inherited");
    const command = `exec "$0" "$@" 7>${inherited} 30>${inherited} 2>&1`;
    const args = ["-c", command, shim.program, ...shim.flags("c1"), "start"];
    // It ends only when nobody holds the pipe any more.
    const { stdout } = await runProgram("bash", args, { cwd: bundle.path, ms: 10_000 });
    expect(stdout).to.equal(`unix://${pathOf("c1")}`);
    shim.noteShims();
    await (await shim.client("c1")).state({ id: "c1", execId: "" }).catch(() => undefined);
    const { pid } = shim.shim("c1");
    const fileOf = (descriptor: number | string) => readlinkSync(`/proc/${pid}/fd/${descriptor}`);
    expect([0, 1, 2].map(fileOf)).to.deep.equal(["/dev/null", "/dev/null", join(bundle.path, "log")]);
    const descriptors = readdirSync(`/proc/${pid}/fd`).map(fileOf);
    expect(descriptors).not.to.include(inherited);
    expect(readlinkSync(`/proc/${pid}/cwd`)).to.equal("/");
  });

  it("leaves containerd's session and gives itself a higher OOM score", async () => {
    await shim.start("c1");
    await (await shim.client("c1")).state({ id: "c1", execId: "" }).catch(() => undefined);
    const { pid } = shim.shim("c1");
    expect(processGroups(pid).session).to.equal(pid);
    const score = (of: string) => Number(readFileSync(`/proc/${of}/oom_score_adj`, "utf8"));
    expect(score(String(pid))).to.equal(Math.min(score("self") + 1, 1000));
  });

  it("writes to the bundle's log, as much as fits", async () => {
    await shim.start("c1");
    await (await shim.client("c1")).state({ id: "c1", execId: "" }).catch(() => undefined);
    expect(shim.bundle("c1").log()).to.contain('msg="the shim serves"');
  });

  it("is not led astray by Node's own environment", async () => {
    const env = { NODE_OPTIONS: "--require /nowhere.js", NODE_EXTRA_CA_CERTS: "/nowhere.pem" };
    const { status, stderr } = await shim.start("c1", { env });
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
  });

  it("refuses a sandbox that has a shim, and leaves that alone", async () => {
    await shim.start("c1");
    const process = shim.shim("c1");
    const { status, stderr } = await shim.start("c1");
    expect(status).to.equal(1);
    expect(stderr).to.contain("runs already").and.contain(String(process.pid));
    expect(shim.shim("c1")).to.deep.equal(process);
    expect(isRunning(process)).to.equal(true);
    await (await shim.client("c1")).shutdown({ id: "c1", now: false });
  });

  it("starts one shim of two that are started at once", async () => {
    shim.bundle("c1").configure({});
    const results = await Promise.all([shim.start("c1"), shim.start("c1")]);
    expect(results.map(({ status }) => status)).to.have.members([0, 1]);
    await (await shim.client("c1")).shutdown({ id: "c1", now: false });
  });

  it("says so when it cannot listen, and leaves nothing", async () => {
    mkdirSync(dirname(shim.roots.sockets), { recursive: true });
    writeFileSync(shim.roots.sockets, "");
    expect(await refusal("c1")).to.contain(`cannot listen on ${shim.roots.sockets}/`);
    expect(readFileSync(shim.roots.sockets, "utf8")).to.equal("");
  });

  it("replaces an address that a bundle already has", async () => {
    const bundle = shim.bundle("c1").configure({});
    const elsewhere = join(shim.directory, "elsewhere");
    symlinkSync(elsewhere, join(bundle.path, "address"));
    expect((await shim.start("c1")).status).to.equal(0);
    expect(bundle.address).to.equal(`unix://${pathOf("c1")}`);
    expect(existsSync(elsewhere)).to.equal(false);
  });

  it("says what is wrong with a bundle, and leaves nothing", async () => {
    const bundle = shim.bundle("c1");
    bundle.configure("");
    expect(await refusal("c1")).to.contain("config.json is not JSON: line 1, column 1");
    bundle.configure('{"a": 1,\n}');
    expect(await refusal("c1")).to.contain("line 2, column 1: expected key");
    bundle.configure("[]");
    expect(await refusal("c1")).to.contain("must be an object");
    bundle.configure('{"annotations": {"a": 1}}');
    expect(await refusal("c1")).to.contain("annotations.a is 1, but must be text");
    bundle.configure({ annotations: { "io.kubernetes.cri.container-type": "spaceship" } });
    expect(await refusal("c1")).to.contain("spaceship");
    bundle.configure({ annotations: podAnnotations("container", "../../etc") });
    expect(await refusal("c1")).to.contain("../../etc");
    bundle.configure({ annotations: podAnnotations("container", "nobody") });
    expect(await refusal("c1")).to.contain('sandbox "nobody", which has no running shim');
    const args = [...shim.flags("c2"), "start"];
    const missing = await runProgram(shim.program, args, { cwd: shim.directory, ms: 10_000 });
    expect(missing.status).to.equal(1);
    expect(missing.stderr).to.contain("config.json is not there");
    expect(shim.leftovers()).to.deep.equal([]);
  });

  it("waits for nobody who put a fifo in the place of a bundle's file", async () => {
    const { path } = shim.bundle("c1");
    execFileSync("mkfifo", [join(path, "config.json")]);
    expect(await refusal("c1")).to.contain("config.json is a fifo");
    execFileSync("mkfifo", [join(path, "deleted")]);
    const { status, stderr } = await shim.delete("c1");
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
  });

  it("checks what it is called with", async () => {
    const call = async (...args: string[]) => {
      const cwd = shim.bundle("c1").configure({}).path;
      const { status, stderr, stdout } = await runProgram(shim.program, args, { cwd, ms: 10_000, input: "" });
      expect(status).to.equal(1);
      expect(stdout).to.equal("");
      return stderr;
    };
    const ids = ["-namespace", "test", "-id", "c1"];
    expect(await call("-bogus", "start")).to.contain("flag provided but not defined: -bogus");
    expect(await call("-namespace", "test", "-id")).to.contain("flag needs an argument: -id");
    expect(await call(...ids, "begin")).to.contain('"begin" is not known');
    expect(await call(...ids)).to.contain("no action is given");
    expect(await call(...ids, "start", "more")).to.contain("start more");
    expect(await call("-namespace", "test", "-id", "../x", "start")).to.contain('-id is "../x"');
    expect(await call("-namespace", "", "-id", "x", "start")).to.contain("-namespace");
    expect(await call(...ids, "-bundle", "relative", "delete")).to.contain("absolute");
    expect(await call("start")).to.contain("bootstrap parameters on the standard input: it is empty");
    expect(shim.leftovers()).to.deep.equal([]);
  });

  it("takes flags in every form that Go has", async () => {
    const { path } = shim.bundle("c1").configure({});
    const args = ["--namespace=test", "-address=/x/c.sock", "--id", "c1", "-debug=true", "start"];
    const { status, stdout } = await runProgram(shim.program, args, { cwd: path, ms: 10_000 });
    expect({ status, stdout }).to.deep.equal({ status: 0, stdout: `unix://${pathOf("c1")}` });
  });

  it("takes bootstrap parameters from the standard input", async () => {
    const { path } = shim.bundle("c1").configure({});
    const parameters = { instanceId: "c1", namespace: "test", containerdGrpcAddress: "/x/c.sock" };
    const bytes = BootstrapParams.encode(BootstrapParams.fromPartial(parameters)).finish();
    const input = Buffer.from(bytes).toString("latin1");
    const { status, stdout, stderr } = await runProgram(shim.program, ["start"], { cwd: path, ms: 10_000, input });
    expect({ status, stdout, stderr }).to.deep.equal({ status: 0, stdout: `unix://${pathOf("c1")}`, stderr: "" });
  });

  it("ignores SIGTERM, and ends when nothing is left, with all that is its own", async () => {
    const client = await shim.run("c1", ["sleep", "1000"]);
    const daemon = shim.shim("c1");
    process.kill(daemon.pid, "SIGTERM");
    await client.kill({ id: "c1", execId: "", signal: 9, all: true });
    expect((await client.wait({ id: "c1", execId: "" })).exitStatus).to.equal(137);
    await client.delete({ id: "c1", execId: "" });
    expect(isRunning(daemon)).to.equal(true);
    await client.shutdown({ id: "c1", now: false });
    // Before the answer, for containerd goes on at once.
    expect(shim.leftovers()).to.deep.equal([]);
    await shim.gone(daemon);
    expect(shim.bundle("c1").log()).to.contain("SIGTERM").and.contain("the shim ends");
  });

  it("ends by force after an error that nobody caught, and says why", async () => {
    shim.bundle("c1").configure({ args: ["crash"] });
    const child = shim.spawnMain("c1");
    const exited = once(child, "exit");
    if (child.stdout) await once(child.stdout, "data");
    const client = await shim.client("c1");
    await client.create(shim.createRequest("c1"));
    await client.start({ id: "c1", execId: "" }).catch(() => undefined);
    expect(await exited).to.deep.equal([70, null]);
    expect(shim.bundle("c1").log()).to.contain("an error was not caught").and.contain("nobody catches this");
    expect(shim.leftovers()).to.deep.equal([]);
  });

  it("answers -v and -info", async () => {
    const version = await runProgram(shim.program, ["-v"], { env: { PATH: shim.pathWithoutNode() } });
    expect(version.stdout).to.match(/^containerd-shim-kata-ts-v2: io\.containerd\.kata-ts\.v2 \d+\.\d+\.\d+\n$/);
    const info = execFileSync(shim.program, ["-info"], { input: "" });
    const { name, version: parts, annotations } = RuntimeInfo.decode(info);
    expect(name).to.equal("io.containerd.kata-ts.v2");
    expect(annotations).to.deep.equal({ "containerd.io/runtime-allow-mounts": "erofs,format/mkdir/overlay" });
    expect(version.stdout).to.contain(parts?.version);
    const help = await runProgram(shim.program, ["-help"]);
    expect(help.stdout).to.contain("usage:");
  });

  it("says that Node is missing", async () => {
    const { status, stderr } = await shim.start("c1", { env: { PATH: shim.pathWithoutNode() } });
    expect(status).to.equal(1);
    expect(stderr).to.contain("there is no node in PATH");
  });
});
