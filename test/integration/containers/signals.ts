import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import type { ContainerChecks } from "./list.js";

/** By name and by number, and what the container's trap prints. */
const trapped = [
  ["SIGUSR1", "usr1"],
  ["10", "usr1"],
  ["USR2", "usr2"],
  ["SIGWINCH", "winch"],
  ["sighup", "hup"],
  ["2", "int"],
  ["SIGTERM", "term"],
  ["40", "rt"],
] as const;

const traps = [
  ...["USR1", "USR2", "WINCH", "HUP", "INT", "TERM"].map((name) => `trap "echo ${name.toLowerCase()}" ${name}`),
  'trap "echo rt" 40',
];

/** `ctr tasks kill`. */
export const signals: ContainerChecks = ({ suite, pod, pace }) => {
  let id: string;
  let log: string;
  let seen = 0;

  const kill = (signal: string, ...flags: readonly string[]) =>
    suite.containerd.ctr(["tasks", "kill", "--signal", signal, ...flags, id]);

  /** The next line that the container prints, but for what its shell says of a `sleep` that a signal has ended. */
  async function nextLine(): Promise<string | undefined> {
    for (let looks = 0; looks < 400 * pace; looks += 1) {
      const lines = readFileSync(log, "utf8")
        .split("\n")
        .slice(0, -1)
        .filter((line) => line !== "Terminated");
      if (lines.length > seen) return lines[seen++];
      await sleep(25);
    }
    return undefined;
  }

  /** A further process that is up. */
  async function exec(name: string, command: string) {
    const dialogue = suite.containerd.talk(["tasks", "exec", "--exec-id", name, id, "sh", "-c", `echo up; ${command}`]);
    await dialogue.see(/up\n/);
    return dialogue;
  }

  before("run a container that prints what it gets", async () => {
    id = suite.newId();
    log = join(suite.containerd.directory, "signals.log");
    const script = `${traps.join("; ")}; echo ready; while :; do sleep 1000 & wait $!; kill $! 2>/dev/null; done`;
    const { stderr } = await suite.containerd.run(
      id,
      ["-d", ...pod.flags, "--log-uri", `file://${log}`],
      ["sh", "-c", script],
    );
    expect(stderr).to.equal("");
    expect(await nextLine()).to.equal("ready");
  });
  after(() => suite.containerd.remove(id));

  for (const [signal, printed] of trapped) {
    it(`sends ${signal}`, async () => {
      expect(await kill(signal)).to.include({ status: 0, stderr: "" });
      expect(await nextLine()).to.equal(printed);
    });
  }

  for (const [signal, status] of [
    ["SIGTERM", 143],
    ["HUP", 129],
    ["SIGKILL", 137],
    ["12", 140],
    ["40", 168],
  ] as const) {
    it(`ends a further process by ${signal} with ${status}, and leaves the others`, async () => {
      const process = await exec("e1", "exec sleep 1000");
      expect(await kill(signal, "--exec-id", "e1")).to.include({ status: 0, stderr: "" });
      expect(await process.end()).to.equal(status);
      expect((await suite.containerd.tasks()).get(id)).to.equal("RUNNING");
    });
  }

  it("sends to all processes", async () => {
    const processes = [await exec("a1", "exec sleep 1000"), await exec("a2", "exec sleep 1001")];
    expect(await kill("SIGTERM", "--all")).to.include({ status: 0, stderr: "" });
    for (const process of processes) expect(await process.end()).to.equal(143);
    expect(await nextLine()).to.equal("term");
  });

  it("says what it cannot do", async () => {
    expect((await kill("SIGTERM", "--exec-id", "none")).stderr)
      .to.include('no process "none"')
      .and.include("not found");
    expect((await kill("65")).stderr)
      .to.include("signal")
      .and.include("65");
    expect((await suite.containerd.tasks()).get(id)).to.equal("RUNNING");
  });

  it("ends a container that ignores all else, with 137", async () => {
    expect((await kill("SIGKILL")).status).to.equal(0);
    for (let looks = 0; looks < 200 * pace && (await suite.containerd.tasks()).get(id) === "RUNNING"; looks += 1)
      await sleep(25);
    expect((await suite.containerd.tasks()).get(id)).to.equal("STOPPED");
    expect((await kill("SIGTERM")).stderr)
      .to.include("process already finished")
      .and.include("not found");
    expect((await suite.containerd.ctr(["tasks", "delete", id])).stderr).to.include("exit code 137");
  });
};
