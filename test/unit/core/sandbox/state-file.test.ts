import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import * as fc from "fast-check";
import { codeOf, KataError } from "../../../../src/core/errors/error.js";
import { silentLogger } from "../../../../src/core/log.js";
import { defaultSpec } from "../../../../src/core/oci/default-spec.js";
import { stateProblem } from "../../../../src/core/sandbox/state-check.js";
import { loadState, StateFile, stateFile } from "../../../../src/core/sandbox/state-file.js";
import { formatState, parseState } from "../../../../src/core/sandbox/state-text.js";
import type { ContainerState, SandboxState } from "../../../../src/core/sandbox/state.js";
import { fakeSys } from "../../../../src/testing/fake-sys.js";

const sandbox = { namespace: "k8s.io", id: "pod" };
const io = { stdout: "/fifos/out", terminal: false };

const container: ContainerState = {
  request: {
    containerId: "c1",
    bundle: "/bundles/c1",
    spec: {
      ...defaultSpec({ rootPath: "rootfs", args: ["true"] }),
      process: {
        user: { uid: 0, gid: 0 },
        cwd: "/",
        rlimits: [{ type: "RLIMIT_NOFILE", hard: 2n ** 64n - 1n, soft: 1024 }],
      },
    },
    rootfs: [{ type: "overlay", source: "overlay", target: "", options: ["lowerdir=/a"] }],
    io,
  },
  role: "container",
  limits: { memory: { limit: 2 ** 40 } },
  resources: [{ kind: "rootfs", driver: "shared", index: 0, state: { mounted: true } }],
  processes: [
    { execId: "", io, status: "stopped", exit: { status: 3, exitedAt: "2026-01-02T03:04:05.678Z" } },
    { execId: "e1", io, status: "running", spec: { user: { uid: 0, gid: 0 }, cwd: "/", args: ["true"] } },
  ],
};

const state: SandboxState = {
  version: 1,
  namespace: "k8s.io",
  sandboxId: "pod",
  networkNamespace: "/run/netns/pod",
  annotations: { a: "b" },
  configuration: [{ kind: "file", name: "/etc/kata-containers/configuration.toml", text: "[runtime]\n" }],
  hypervisor: { name: "qemu", state: { anything: 1 } },
  shareFs: { name: "virtio-fs", state: [] },
  disks: { made: 2, there: [{ id: "disk1", path: "/dev/sda", readOnly: true, guestLocator: "02" }] },
  containers: [container],
};

/** The state with one value, named by its path, in the place of another. */
function changed(path: string, value: unknown): unknown {
  const copy = parseState(formatState(state)) as Record<string, unknown>;
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  const owner = keys.reduce((one, key) => one[key] as Record<string, unknown>, copy);
  owner[last] = value;
  return copy;
}

describe("a sandbox's state on disk", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "state-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const write = (text: string, mode = 0o600): void => writeFileSync(stateFile(directory), text, { mode });
  const load = (): SandboxState => loadState(directory, sandbox);
  const refusal = (): KataError => {
    try {
      load();
    } catch (error) {
      if (error instanceof KataError) return error;
      throw error;
    }
    throw new Error("the state was loaded");
  };

  describe("is kept", () => {
    const keeper = (current: () => SandboxState, sys = fakeSys()) =>
      new StateFile({ sys, log: silentLogger, runDirectory: directory, state: current });

    it("whole and for its owner alone, numbers of 64 bits too", async () => {
      await keeper(() => state).save();
      expect(load()).to.deep.equal(state);
      expect(statSync(stateFile(directory)).mode & 0o7777).to.equal(0o600);
      expect(readdirSync(directory)).to.deep.equal(["state.json"]);
    });

    it("never older than the last save that has ended, however many come at once, which are written together", async () => {
      let disks = 0;
      const sys = fakeSys();
      const file = keeper(() => ({ ...state, disks: { made: disks, there: [] } }), sys);
      const saves: Promise<void>[] = [];
      for (let change = 1; change <= 50; change++) {
        disks = change;
        saves.push(file.save().then(() => void expect(load().disks.made).to.be.at.least(change)));
      }
      await Promise.all(saves);
      expect(load().disks.made).to.equal(50);
      expect(sys.callsTo("files", "writeFileAtomic")).to.have.length(2);
    });

    it("not at all when it cannot be written: an old one would be wrong", async () => {
      const sys = fakeSys();
      const file = keeper(() => state, sys);
      await file.save();
      sys.fail("files", "writeFileAtomic", "ENOSPC");
      await file.save();
      expect(readdirSync(directory)).to.deep.equal([]);
      sys.reset();
      await file.save();
      expect(load()).to.deep.equal(state);
    });

    it("until it is closed, whatever is under way", async () => {
      const file = keeper(() => state);
      const writing = file.save();
      const waiting = file.save();
      await file.close();
      await Promise.all([writing, waiting, file.save()]);
      expect(readdirSync(directory)).to.deep.equal([]);
    });
  });

  describe("is refused", () => {
    it("when there is none", () => {
      expect(refusal()).to.include({ code: "KATA_RECOVER_NO_STATE", status: "NOT_FOUND" });
      expect(refusal().message).to.include(stateFile(directory)).and.include("kata-ts recover --clean");
    });

    it("when it was cut off anywhere", () => {
      const text = formatState(state).trimEnd();
      fc.assert(
        fc.property(fc.nat(text.length - 1), (length) => {
          write(text.slice(0, length));
          expect(refusal().code).to.equal("KATA_RECOVER_STATE_BROKEN");
        }),
      );
    });

    it("when another version wrote it, before anything else of it is looked at", () => {
      for (const version of [2, 0, "1", null, undefined]) {
        write(JSON.stringify({ version, more: "of a newer program" }));
        expect(refusal()).to.include({ code: "KATA_RECOVER_STATE_VERSION", status: "FAILED_PRECONDITION" });
      }
      expect(refusal().message).to.include("has version none, and this program reads version 1");
    });

    it("when somebody else can have written it", function () {
      write(formatState(state));
      for (const mode of [0o640, 0o602, 0o666]) {
        chmodSync(stateFile(directory), mode);
        expect(refusal()).to.include({ code: "KATA_RECOVER_STATE_TRUST", status: "PERMISSION_DENIED" });
        expect(refusal().message).to.include(`its mode is ${mode.toString(8)}, and must be 600`);
      }
      chmodSync(stateFile(directory), 0o600);
      if (process.geteuid?.() !== 0) return this.skip();
      chownSync(stateFile(directory), 1000, 0);
      expect(refusal().message).to.include("it belongs to the user 1000");
      return undefined;
    });

    it("when it is no file of its own", () => {
      symlinkSync("/etc/passwd", stateFile(directory));
      expect(refusal().message).to.include("it is a symbolic link");
      rmSync(stateFile(directory));
      mkdirSync(stateFile(directory));
      expect(refusal().code).to.equal("KATA_RECOVER_STATE_TRUST");
      rmSync(stateFile(directory), { recursive: true });
    });

    it("when it is of another sandbox", () => {
      write(formatState(state));
      for (const other of [
        { namespace: "k8s.io", id: "other" },
        { namespace: "default", id: "pod" },
      ]) {
        const load = () => loadState(directory, other);
        expect(load).to.throw("it is the state of another sandbox");
      }
    });

    const wrong: readonly (readonly [path: string, value: unknown, problem: string])[] = [
      ["networkNamespace", "relative", '"networkNamespace" is not an absolute path'],
      ["annotations", { a: 1 }, '"annotations" are not texts'],
      ["configuration.0.name", "/a/../b", '"configuration" is not a list of files'],
      ["configuration.0.kind", "override", '"configuration" is not a list of files'],
      ["hypervisor", {}, "names no plugin"],
      ["disks.made", -1, '"disks" is not a list of disks'],
      ["disks.there.0.path", "/dev/../etc", '"disks" is not a list of disks'],
      ["containers.0.request.containerId", "../x", '"containers" is not a list of containers'],
      ["containers.0.request.bundle", "/bundles/../../etc", '"containers" is not a list of containers'],
      ["containers.0.request.bundle", "bundles", '"containers" is not a list of containers'],
      ["containers.0.request.spec.mounts", [{ destination: 1 }], '"containers" is not a list of containers'],
      ["containers.0.request.rootfs.0.source", 1, '"containers" is not a list of containers'],
      ["containers.0.role", "admin", '"containers" is not a list of containers'],
      ["containers.0.resources.0.kind", "else", '"containers" is not a list of containers'],
      ["containers.0.processes", [], '"containers" is not a list of containers'],
      ["containers.0.processes.1.execId", "", '"containers" is not a list of containers'],
      ["containers.0.processes.1.spec", undefined, '"containers" is not a list of containers'],
      ["containers.0.processes.0.exit.status", 256, '"containers" is not a list of containers'],
      ["containers.0.processes.0.exit.exitedAt", "soon", '"containers" is not a list of containers'],
      ["containers.0.processes.0.io.stdout", "/a\0b", '"containers" is not a list of containers'],
      ["containers", [container, container], "two containers have one id"],
    ];
    for (const [path, value, problem] of wrong) {
      it(`when its ${path} is ${formatState({ value }).slice(9, 40).trimEnd()}`, () => {
        write(formatState(changed(path, value) as object));
        expect(refusal()).to.include({ code: "KATA_RECOVER_STATE_BROKEN", status: "DATA_LOSS" });
        expect(refusal().message).to.include(problem);
      });
    }

    it("or taken, whatever it holds: it is never half of either", () => {
      fc.assert(
        fc.property(fc.dictionary(fc.constantFrom(...Object.keys(state)), fc.jsonValue()), (fields) => {
          write(JSON.stringify({ ...state, ...fields, containers: [], version: 1 }));
          try {
            expect(stateProblem({ ...load() }, sandbox)).to.equal(undefined);
          } catch (error) {
            expect(codeOf(error)).to.equal("KATA_RECOVER_STATE_BROKEN");
          }
        }),
      );
    });
  });

  it("is the same after it was written and read, numbers of any size in it", () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: "small" },
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
        fc.string(),
        fc.boolean(),
        fc.array(tie("any")),
        fc.dictionary(
          fc.string().filter((key) => key !== "$big" && key !== "__proto__"),
          tie("any"),
        ),
      ),
    })).any;
    fc.assert(
      fc.property(value, (one) => {
        expect(parseState(formatState({ one }))).to.deep.equal({ one });
      }),
    );
  });
});
