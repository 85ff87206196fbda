import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { readClaim, takeClaim } from "../../../../src/bin/shim/claim.js";
import { runDirectory, shimDirectory } from "../../../../src/bin/shim/layout.js";
import { knownSandboxes, inspect } from "../../../../src/bin/shim/leftover.js";
import { noteStart, readStart } from "../../../../src/bin/shim/start-parameters.js";
import { takeOver } from "../../../../src/bin/shim/take-over.js";
import { codeOf } from "../../../../src/core/errors/error.js";
import { identityOf, type ProcessIdentity } from "../../../../src/core/process/identity.js";
import { recordFile, SandboxRecord } from "../../../../src/core/sandbox/record.js";
import { stateFile } from "../../../../src/core/sandbox/state-file.js";
import { createLinuxSys } from "../../../../src/core/sys/linux/index.js";

const name = { namespace: "ns", sandboxId: "pod" };
const dead: ProcessIdentity = { pid: 2 ** 22 + 1, startTime: "1" };

describe("what a dead shim has left", () => {
  const sys = createLinuxSys();
  let directory: string;
  let roots: { run: string; sockets: string };
  let socket: string;
  let machine: ChildProcess | undefined;
  const own = identityOf(process.pid) ?? dead;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "left-"));
    roots = { run: join(directory, "run"), sockets: join(directory, "s") };
    socket = join(roots.sockets, "12-34");
    mkdirSync(runDirectory(roots, name), { recursive: true });
    mkdirSync(join(directory, "bundle"));
    writeFileSync(join(directory, "bundle", "address"), `unix://${socket}`);
  });
  afterEach(() => {
    machine?.kill("SIGKILL");
    machine = undefined;
    rmSync(directory, { recursive: true });
  });

  const claim = (process: ProcessIdentity, at = socket) => takeClaim(roots, name, { process, socket: at });
  const state = {
    version: 1,
    namespace: "ns",
    sandboxId: "pod",
    annotations: {},
    configuration: [],
    hypervisor: { name: "qemu" },
    disks: { made: 0, there: [] },
    containers: [],
  };
  const keep = (text = JSON.stringify(state)) =>
    writeFileSync(stateFile(runDirectory(roots, name)), text, { mode: 0o600 });
  const attempt = (more: Partial<Parameters<typeof takeOver>[0]> = {}) =>
    takeOver({ sys, roots, name, process: own, ...more });

  describe("is taken over", () => {
    it("at the same socket, once, with nothing of it lost", async () => {
      claim(dead);
      keep();
      writeFileSync(join(shimDirectory(roots, name), "start.json"), "{}");
      expect(await attempt({ socket })).to.deep.equal({ process: own, socket });
      expect(readClaim(roots, name)).to.deep.equal({ process: own, socket });
      expect(readdirSync(shimDirectory(roots, name)).sort()).to.deep.equal(["daemon", "start.json"]);
      expect(await attempt({ socket })).to.equal(undefined);
      expect(readdirSync(roots.run).filter((entry) => entry.startsWith(".lock"))).to.deep.equal([]);
    });

    it("by one of several at once", async () => {
      claim(dead);
      keep();
      const all = await Promise.all(Array.from({ length: 8 }, () => attempt()));
      expect(all.filter((one) => one !== undefined)).to.have.length(1);
    });

    const never: Readonly<Record<string, () => void>> = {
      "nobody has claimed it": () => keep(),
      "its shim lives": () => {
        claim(own);
        keep();
      },
      "it has left no state": () => void claim(dead),
      "its socket is none of a shim's": () => {
        claim(dead, join(directory, "s", "..", "elsewhere"));
        keep();
      },
      "its socket is that of another place": () => {
        claim(dead, "/run/other/12-34");
        keep();
      },
    };
    for (const [why, arrange] of Object.entries(never)) {
      it(`not when ${why}`, async () => {
        arrange();
        const before = readClaim(roots, name);
        expect(await attempt()).to.equal(undefined);
        expect(readClaim(roots, name)).to.deep.equal(before);
      });
    }

    it("not at another socket than is asked for", async () => {
      claim(dead);
      keep();
      expect(await attempt({ socket: join(roots.sockets, "1-1") })).to.equal(undefined);
    });
  });

  describe("is looked at:", () => {
    const parameters = () => ({ bundle: join(directory, "bundle"), address: "/a", eventsAddress: "/e", debug: true });
    const note = () => {
      const handover = { roots, name, socket, connections: { take: () => undefined, close: () => undefined } };
      return noteStart(sys, { ...handover, ...parameters(), importer: async () => undefined });
    };

    async function runMachine(): Promise<number> {
      const record = SandboxRecord.create(runDirectory(roots, name), { namespace: "ns", id: "pod" });
      const noted = record.process("qemu");
      machine = spawn("/bin/sleep", ["1000"], { env: noted.env, stdio: "ignore" });
      await once(machine, "spawn");
      noted.started(machine.pid ?? 0);
      return machine.pid ?? 0;
    }

    it("which there are", () => {
      claim(dead);
      takeClaim(roots, { namespace: "k8s.io", sandboxId: "other" }, { process: own, socket });
      mkdirSync(join(roots.run, ".shim", "ns", ".new-x"));
      const embedded = { namespace: "embedder", sandboxId: "own" };
      for (const one of [name, embedded]) {
        mkdirSync(runDirectory(roots, one), { recursive: true });
        SandboxRecord.create(runDirectory(roots, one), { namespace: one.namespace, id: one.sandboxId });
      }
      mkdirSync(join(roots.run, "shared", "no-sandbox"), { recursive: true });
      const other = { namespace: "k8s.io", sandboxId: "other" };
      expect(knownSandboxes(roots)).to.have.deep.members([name, other, embedded]);
      expect(knownSandboxes({ run: join(directory, "none"), sockets: "" })).to.deep.equal([]);
    });

    it("a shim lives", () => {
      claim(own);
      expect(inspect(roots, name)).to.deep.equal({ kind: "served", pid: process.pid });
    });

    it("a program without a shim lives whose it is, or has ended", () => {
      keep();
      SandboxRecord.create(runDirectory(roots, name), { namespace: "ns", id: "pod" });
      expect(inspect(roots, name)).to.deep.equal({ kind: "served", pid: process.pid });
      const file = recordFile(runDirectory(roots, name));
      writeFileSync(file, readFileSync(file, "utf8").replace(/"startTime":"\d+"/, '"startTime":"1"'));
      const found = inspect(roots, name);
      expect(found).to.include({ kind: "lost", alive: false });
      expect(String("reason" in found && found.reason)).to.include("no shim has made it");
    });

    it("a machine lives, and all is known to go on with it", async () => {
      claim(dead);
      keep();
      await note();
      const pid = await runMachine();
      expect(inspect(roots, name)).to.deep.equal({ kind: "recoverable", pid, containers: [], start: parameters() });
    });

    it("its machine does not live", async () => {
      claim(dead);
      keep();
      await note();
      const found = inspect(roots, name);
      expect(found).to.include({ kind: "lost", alive: false });
      expect(String("reason" in found && found.reason)).to.include("its machine (qemu) does not run any more");
    });

    const broken: Readonly<Record<string, readonly [code: string, arrange: () => void]>> = {
      "it has no state": ["KATA_RECOVER_NO_STATE", () => rmSync(stateFile(runDirectory(roots, name)))],
      "its state is broken": ["KATA_RECOVER_STATE_BROKEN", () => keep("{")],
      "its start is not known": ["KATA_RECOVER_PART", () => rmSync(join(shimDirectory(roots, name), "start.json"))],
      "its bundle is gone": ["KATA_RECOVER_PART", () => rmSync(join(directory, "bundle"), { recursive: true })],
      "its bundle is another's": [
        "KATA_RECOVER_PART",
        () => writeFileSync(join(directory, "bundle", "address"), "unix:///other"),
      ],
    };
    for (const [what, [code, arrange]] of Object.entries(broken)) {
      it(`${what}, and its machine lives`, async () => {
        claim(dead);
        keep();
        await note();
        await runMachine();
        arrange();
        const found = inspect(roots, name);
        expect(found).to.include({ kind: "lost", alive: true });
        expect(codeOf("reason" in found ? found.reason : undefined)).to.equal(code);
      });
    }

    it("how it was started is only taken as it was noted", async () => {
      claim(dead);
      const write = (value: unknown) =>
        writeFileSync(join(shimDirectory(roots, name), "start.json"), JSON.stringify(value));
      const noted = { version: 1, ...parameters() };
      write(noted);
      expect(readStart(roots, name)).to.deep.equal(parameters());
      for (const wrong of [
        { version: 2 },
        { bundle: "relative" },
        { bundle: "/a\0b" },
        { address: 1 },
        { debug: "" },
      ]) {
        write({ ...noted, ...wrong });
        expect(readStart(roots, name)).to.equal(undefined);
      }
      for (const wrong of [null, [], "x"]) {
        write(wrong);
        expect(readStart(roots, name)).to.equal(undefined);
      }
    });
  });
});
