import { readdirSync, statSync, writeFileSync } from "node:fs";
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
    expect(await difference()).to.equal(undefined);
    expect(await difference({ vcpus: 2 })).to.equal("its vcpus is 1, configured is 2");
    expect(await difference({ maxVcpus: 8 })).to.include("most vcpus is 4");
    expect(await difference({ memoryMiB: 1024 })).to.include("memory");
    expect(await difference({ commandLine: "quiet debug" })).to.include(
      "parameters is quiet, configured is quiet debug",
    );
    expect(await difference({ queues: 2 })).to.include("queues");
    expect(await difference({ files: { ...started.files, initrd: started.files.kernel } })).to.include("boot archive");
  });

  it("is another when a file was changed, whatever its name", async () => {
    await writeIdentity(temporary.path, machineIdentity(started));
    writeFileSync(started.files.kernel, "Kernel");
    expect(await difference()).to.include("its kernel is");
  });

  it("is none where nothing, or nothing of sense, was saved", async () => {
    expect(await difference()).to.equal(`no machine is saved in ${temporary.path} yet`);
    writeFileSync(join(temporary.path, "machine.json"), "[");
    expect(await difference()).to.include("machine.json: ");
    writeFileSync(join(temporary.path, "machine.json"), "null");
    expect(await difference()).to.include("no description");
    expect(readdirSync(temporary.path)).to.have.length(3);
  });
});
