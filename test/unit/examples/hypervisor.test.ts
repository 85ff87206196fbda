import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { deleteTask, killTask, waitTask } from "kata-ts";
import { describeConformance, FakeWorld } from "kata-ts/testing";
import { plugin } from "../../../examples/hypervisor/index.js";
import { plugin as virtContainer } from "../../../src/plugins/handlers/virt-container/index.js";
import { projectDirectory } from "../../support/project.js";

const directory = mkdtempSync(join(tmpdir(), "kata-ts-mini-qemu-"));

/** A program in QEMU's place. */
function program(name: string, ...lines: string[]): string {
  const path = join(directory, name);
  writeFileSync(path, ["#!/bin/sh", ...lines, ""].join("\n"));
  chmodSync(path, 0o700);
  return path;
}

const words = join(directory, "words");
const obedient = program("qemu", `printf '%s\\n' "$@" >${words}`, `echo '{"QMP": {}}'`, "exec sleep 1000");
const broken = program("broken", "echo 'no such machine' >&2", "exit 1");

after(() => rmSync(directory, { recursive: true }));

describe("the example of a hypervisor", () => {
  describeConformance({ describe, it }, plugin, {
    toml: `path = "${obedient}"`,
    device: (place) => ({
      kind: "fs",
      id: "share",
      tag: "share",
      socket: join(place, "fs"),
      queueSize: 1024,
      cacheSizeMiB: 0,
    }),
    crash: ({ pid }) => void process.kill(pid, "SIGKILL"),
  });

  /** A world whose machines are this plugin's, as configuration says. */
  const open = (path: string, more = "") =>
    new FakeWorld({
      directory: mkdtempSync(join(directory, "world-")),
      plugins: [virtContainer, plugin],
      toml: {
        runtime: 'hypervisor_name = "mini-qemu"',
        tables: `[hypervisor.mini-qemu]\nshared_fs = "fake"\npath = "${path}"\n${more}`,
      },
    });

  it("is selected by configuration, and runs a container with what that says", async () => {
    const world = open(obedient, 'accel = "tcg"\ndefault_vcpus = 1\ndefault_memory = 256\n');
    await world.run("a");
    const id = { containerId: "a", execId: "" };
    await world.runtime.request(killTask({ ...id, signal: 9, all: false }));
    expect(await world.runtime.request(waitTask(id))).to.include({ status: 137 });
    await world.runtime.request(deleteTask(id));
    await world.runtime.close();
    const said = readFileSync(words, "utf8").split("\n");
    expect(said).to.include.members(["q35,memory-backend=ram,accel=tcg", "256M"]);
    expect(await world.left()).to.deep.equal([]);
  });

  it("says in QEMU's words why there is no machine", async () => {
    const world = open(broken);
    const error: unknown = await world.create("a").catch((cause: unknown) => cause);
    expect(String(error)).to.include("no such machine");
    await world.runtime.close();
    expect(await world.left()).to.deep.equal([]);
  });

  it("says so where QEMU cannot be started", async () => {
    const file = join(directory, "file");
    writeFileSync(file, "#!/nowhere\n", { mode: 0o700 });
    const world = open(file);
    const error: unknown = await world.create("a").catch((cause: unknown) => cause);
    expect(String(error)).to.include(`spawn ${file} ENOENT`);
    await world.runtime.close();
  });

  it("is as short as it says", () => {
    const text = readFileSync(join(projectDirectory(), "examples/hypervisor/index.ts"), "utf8");
    const lines = text.split("\n").filter((line) => !/^\s*(?:\/\/.*|\/?\*.*)?$/.test(line));
    expect(lines.length).to.be.within(1, 100);
  });

  it("has its own key checked with the others", async () => {
    const world = open(obedient, 'accel = "xen"');
    const error: unknown = await world.runtime.config().catch((cause: unknown) => cause);
    expect(String(error))
      .to.match(/hypervisor\.mini-qemu\.accel/)
      .and.include('"xen"');
    await world.runtime.close();
  });
});
