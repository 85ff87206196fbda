import { expect } from "chai";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bringOnline } from "../../../../../guest/agent/machine/hotplug.js";
import { silentLogger } from "../../../../../src/core/log.js";

describe("what was plugged in", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "hotplug-"));
    mkdirSync(join(directory, "devices/system/cpu/cpu0"), { recursive: true });
    part("memory/memory1", "state", "offline\n");
    part("memory/memory2", "state", "online\n");
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  function part(name: string, file: string, content: string): void {
    const path = join(directory, "devices/system", name);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, file), content);
  }

  const read = (path: string): string => readFileSync(join(directory, "devices/system", path), "utf8");
  const roots = () => ({ run: "", proc: "", sys: directory, dev: "", cgroup: "" });

  it("is taken into use", async () => {
    part("cpu/cpu1", "online", "0\n");
    await bringOnline(roots(), { cpus: 2, cpuOnly: false, wait: true, ms: 5000 }, silentLogger);
    expect(read("cpu/cpu1/online")).to.equal("1");
    expect(read("memory/memory1/state")).to.equal("online");
  });

  it("is taken into use up to the number that is asked for, the first ones first", async () => {
    for (const cpu of [1, 2, 10]) part(`cpu/cpu${cpu}`, "online", "0\n");
    const states = () => [1, 2, 10].map((cpu) => read(`cpu/cpu${cpu}/online`).trim()).join("");
    for (const [cpus, wanted] of [
      [1, "000"],
      [3, "110"],
      [2, "110"],
      [0, "111"],
    ] as const) {
      await bringOnline(roots(), { cpus, cpuOnly: true, wait: true, ms: 5000 }, silentLogger);
      expect(states()).to.equal(wanted);
    }
  });

  it("may have been taken into use by the machine already", async () => {
    part("cpu/cpu1", "online", "1\n");
    await bringOnline(roots(), { cpus: 2, cpuOnly: true, wait: true, ms: 5000 }, silentLogger);
    expect(read("cpu/cpu1/online")).to.equal("1\n");
  });

  it("is waited for when it shall be", async () => {
    const bringing = bringOnline(roots(), { cpus: 3, cpuOnly: true, wait: true, ms: 5000 }, silentLogger);
    part("cpu/cpu1", "online", "0");
    await new Promise((resolve) => setTimeout(resolve, 30));
    part("cpu/cpu2", "online", "0");
    await bringing;
    expect([read("cpu/cpu1/online"), read("cpu/cpu2/online")]).to.deep.equal(["1", "1"]);
    expect(read("memory/memory1/state")).to.equal("offline\n");
  });

  it("is not waited for longer than that", async () => {
    const request = { cpus: 2, cpuOnly: true, wait: true, ms: 30 };
    const outcome = await bringOnline(roots(), request, silentLogger).catch((error: Error) => error.message);
    expect(outcome).to.contain("waited 30 ms for 2 CPUs to be online; 1 are");
  });
});
