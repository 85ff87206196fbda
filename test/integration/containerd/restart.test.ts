import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { podFlags } from "../../support/containerd.js";
import { runProgram } from "../../support/program.js";
import { writeLogger } from "./logger.js";
import { describeContainerd } from "./suite.js";

const kataTs = fileURLToPath(new URL("../../../src/bin/kata-ts/main.js", import.meta.url));

/** Prints numbered lines; its output is lost when a number is missing. */
const count = 'i=0; while :; do i=$((i + 1)); echo "line $i"; sleep 0.1; done';

/** Numbers of the lines that were printed: 1, 2, 3 and so on when none was lost. */
const numbers = (text: string): number[] => [...text.matchAll(/^line (\d+)$/gm)].map(([, number]) => Number(number));

async function until(what: string, test: () => boolean | Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 600; looks += 1) {
    if (await test()) return;
    await sleep(50);
  }
  throw new Error(`waited in vain until ${what}`);
}

describeContainerd("while containerd is away", (suite) => {
  it("containers go on, and no output is lost, whoever takes it", async () => {
    const { containerd } = suite;
    const [toFile, toLogger, toFifo] = [suite.newId(), suite.newId(), suite.newId()];
    const all = [toFile, toLogger, toFifo];
    const [file, loggerFile] = [join(containerd.directory, "out"), join(containerd.directory, "logged")];
    const logger = writeLogger(containerd.directory);
    const member = podFlags("container", toFile);
    const run = async (id: string, flags: readonly string[]): Promise<void> => {
      expect((await containerd.run(id, ["-d", ...flags], ["sh", "-c", count])).stderr).to.equal("");
    };
    await run(toFile, [...podFlags("sandbox", toFile), "--log-uri", `file://${file}`]);
    await run(toLogger, [...member, "--log-uri", `binary://${logger}?to=${loggerFile}`]);
    await run(toFifo, member);

    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      await containerd.stop(signal);
      const before = [file, loggerFile].map((path) => numbers(readFileSync(path, "utf8")).length);
      await until(`lines are written without containerd (${signal})`, () =>
        [file, loggerFile].every((path, index) => {
          return numbers(readFileSync(path, "utf8")).length > (before[index] ?? 0) + 5;
        }),
      );
      await containerd.start();
      const running = Object.fromEntries(all.map((id) => [id, "RUNNING"]));
      expect(Object.fromEntries(await containerd.tasks())).to.deep.equal(running);
    }

    const attached = containerd.talk(["tasks", "attach", toFifo]);
    await attached.see(/line 20\n/);
    const exec = await containerd.ctr([
      "tasks",
      "exec",
      "--exec-id",
      "e",
      toLogger,
      "sh",
      "-c",
      "echo still here; exit 3",
    ]);
    expect(exec).to.include({ status: 3, stdout: "still here\n" });

    const events = await containerd.events();
    for (const id of [toFifo, toLogger, toFile]) {
      expect((await containerd.ctr(["tasks", "kill", "--signal", "KILL", id])).status).to.equal(0);
      expect((await events.until(id, "exit", { id })).at(-1)?.fields).to.include({ exit_status: 137 });
    }
    expect(await attached.end()).to.equal(137);
    await events.close();
    for (const id of all) await containerd.remove(id);

    for (const text of [readFileSync(file, "utf8"), readFileSync(loggerFile, "utf8"), attached.output]) {
      const printed = numbers(text);
      expect(printed).to.have.length.greaterThan(20);
      expect(printed).to.deep.equal(Array.from(printed, (_, index) => index + 1));
    }
  });

  it("the end of a container is seen, and told with its status when containerd is back", async () => {
    const { containerd } = suite;
    const id = suite.newId();
    const share = join(containerd.directory, "share");
    mkdirSync(share);
    const log = join(containerd.directory, "ended");
    const flags = ["-d", "--mount", `type=bind,src=${share},dst=/mnt,options=rbind:rw`, "--log-uri", `file://${log}`];
    const script = "until [ -e /mnt/go ]; do sleep 0.1; done; echo going; exit 9";
    expect((await containerd.run(id, flags, ["sh", "-c", script])).stderr).to.equal("");
    await containerd.stop("SIGKILL");
    writeFileSync(join(share, "go"), "");
    await until("the container ends", () => existsSync(log) && readFileSync(log, "utf8") === "going\n");
    await containerd.start();
    await until("it is stopped", async () => (await containerd.tasks()).get(id) === "STOPPED");
    expect((await containerd.ctr(["tasks", "delete", id])).stderr).to.include("exit code 9");
    await containerd.ctr(["containers", "delete", id]);
  });

  it("a pod whose shim died too is recovered, and containerd finds it as it was", async () => {
    const { containerd } = suite;
    const [sandbox, member] = [suite.newId(), suite.newId()];
    const file = join(containerd.directory, "recovered");
    const run = async (id: string, flags: readonly string[], command: readonly string[]): Promise<void> => {
      expect((await containerd.run(id, ["-d", ...flags], command)).stderr).to.equal("");
    };
    await run(sandbox, podFlags("sandbox", sandbox), ["sleep", "100000"]);
    const log = ["--log-uri", `file://${file}`];
    await run(member, [...podFlags("container", sandbox), ...log], ["sh", "-c", count]);
    const shim = containerd.shimOf(sandbox);
    await containerd.stop("SIGKILL");
    process.kill(shim, "SIGKILL");
    await until("the shim is gone", () => !existsSync(`/proc/${shim}/exe`));

    const recovered = await runProgram(process.execPath, [kataTs, "recover", "--sandbox", sandbox, "--json"]);
    expect(recovered.stderr).to.equal("");
    expect(JSON.parse(recovered.stdout)).to.have.nested.property("[0].state", "recovered");
    const before = numbers(readFileSync(file, "utf8")).length;
    await containerd.start();
    const running = { [sandbox]: "RUNNING", [member]: "RUNNING" };
    await until("its tasks run", async () => (await containerd.tasks()).get(member) === "RUNNING");
    expect(Object.fromEntries(await containerd.tasks())).to.deep.equal(running);
    await until("output comes", () => numbers(readFileSync(file, "utf8")).length > before + 5);
    const exec = await containerd.ctr(["tasks", "exec", "--exec-id", "e", member, "sh", "-c", "echo here; exit 3"]);
    expect(exec).to.include({ status: 3, stdout: "here\n" });
    const events = await containerd.events();
    for (const id of [member, sandbox]) {
      expect((await containerd.ctr(["tasks", "kill", "--signal", "KILL", id])).status).to.equal(0);
      expect((await events.until(id, "exit", { id })).at(-1)?.fields).to.include({ exit_status: 137 });
    }
    await events.close();
    for (const id of [member, sandbox]) await containerd.remove(id);
  });

  it("the end of a shim is found out when containerd is back, and nothing is left of its pod", async () => {
    const { containerd } = suite;
    const [sandbox, member] = [suite.newId(), suite.newId()];
    for (const [id, role] of [
      [sandbox, "sandbox"],
      [member, "container"],
    ] as const) {
      const flags = ["-d", ...podFlags(role, sandbox)];
      expect((await containerd.run(id, flags, ["sleep", "100000"])).stderr).to.equal("");
    }
    const shim = containerd.shimOf(sandbox);
    await containerd.stop("SIGKILL");
    process.kill(shim, "SIGKILL");
    await containerd.start();
    await until("its tasks are gone", async () => (await containerd.tasks()).size === 0);
    for (const id of [sandbox, member]) await containerd.ctr(["containers", "delete", id]);
  });
});
