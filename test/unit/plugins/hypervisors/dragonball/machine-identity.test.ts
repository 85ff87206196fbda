import { chmodSync, readdirSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import {
  identityDifference,
  machineIdentity,
  type StartedWith,
  writeIdentity,
} from "../../../../../src/plugins/hypervisors/dragonball/machine-identity.js";
import { temporaryDirectory } from "../../../core/sys/fixture.js";

describe("what a saved machine was started with", () => {
  const temporary = temporaryDirectory();
  let started: StartedWith;

  beforeEach(() => {
    for (const name of ["kernel", "image"]) writeFileSync(join(temporary.path, name), name);
    const files = { kernel: join(temporary.path, "kernel"), image: join(temporary.path, "image") };
    started = { vcpus: 1, maxVcpus: 4, memoryMiB: 512, commandLine: "quiet", files, queues: 1, queueSize: 128 };
  });

  const difference = (changes: Partial<StartedWith> = {}) =>
    identityDifference(temporary.path, machineIdentity({ ...started, ...changes }));

  it("is found again, and any change of it is named", async () => {
    await writeIdentity(temporary.path, machineIdentity(started));
    expect(statSync(join(temporary.path, "machine.json")).mode & 0o777).to.equal(0o600);
    expect(difference()).to.equal(undefined);
    expect(difference({ vcpus: 2 })).to.equal("its vcpus is 1, configured is 2");
    expect(difference({ maxVcpus: 8 })).to.include("most vcpus is 4");
    expect(difference({ memoryMiB: 1024 })).to.include("memory");
    expect(difference({ commandLine: "quiet debug" })).to.include("parameters is quiet, configured is quiet debug");
    expect(difference({ queues: 2 })).to.include("queues");
    expect(difference({ files: { ...started.files, initrd: started.files.kernel } })).to.include("boot archive");
  });

  it("is another when a file was changed, whatever its name", async () => {
    await writeIdentity(temporary.path, machineIdentity(started));
    writeFileSync(started.files.kernel, "Kernel");
    expect(difference()).to.include("its kernel is");
  });

  it("is not believed when others could have written it", async () => {
    const path = join(temporary.path, "machine.json");
    await writeIdentity(temporary.path, machineIdentity(started));
    chmodSync(path, 0o666);
    expect(difference()).to.include("not to be trusted: its mode is 0666");
    chmodSync(path, 0o600);
    renameSync(path, join(temporary.path, "elsewhere"));
    symlinkSync("elsewhere", path);
    expect(difference()).to.include("symbolic link");
  });

  it("is another when another program's machines have their devices elsewhere", async () => {
    const { kernel, ...all } = machineIdentity(started);
    const [layout = ""] = Object.keys(all).filter((name) => name.startsWith("layout"));
    await writeIdentity(temporary.path, { ...all, kernel: kernel ?? "", [layout]: "other" });
    expect(difference()).to.match(/^its layout, by the program that saved it, is other, configured is [0-9a-f]{16}$/);
  });

  it("is none where nothing, or nothing of sense, was saved", () => {
    expect(difference()).to.equal(`no machine is saved in ${temporary.path} yet`);
    writeFileSync(join(temporary.path, "machine.json"), "[", { mode: 0o600 });
    expect(difference()).to.include("machine.json: ");
    writeFileSync(join(temporary.path, "machine.json"), "null");
    expect(difference()).to.include("no description");
    expect(readdirSync(temporary.path)).to.have.length(3);
  });
});
