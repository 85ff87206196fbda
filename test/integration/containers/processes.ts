import { expect } from "chai";
import type { ContainerChecks } from "./list.js";

/** `ctr` with a container that runs. */
export const processes: ContainerChecks = ({ suite, pod, machine, pace }) => {
  const exec = (name: string, command: readonly string[]) =>
    suite.containerd.ctr(["tasks", "exec", "--exec-id", name, pod.id, ...command], { ms: 20_000 * pace });

  it("runs further processes: input, output, exit status, and what cannot be run", async () => {
    const command = ["sh", "-c", "cat; echo error >&2; exit 7"];
    const talk = suite.containerd.talk(["tasks", "exec", "--exec-id", "e1", pod.id, ...command]);
    talk.say("some ");
    await talk.see(/some /);
    talk.say("input\n");
    await talk.see(/input\n/);
    talk.finish();
    expect(await talk.end()).to.equal(7);
    expect(talk.output).to.equal("some input\nerror\n");
    expect(await exec("e2", ["true"])).to.include({ status: 0, stdout: "" });
    expect((await exec("e3", ["/bin/nothing"])).stderr).to.include("/bin/nothing");
    // The name of one that could not be run is free again.
    expect(await exec("e3", ["sh", "-c", "exit 4"])).to.include({ status: 4 });
  });

  it("pauses it and lets it go on", async () => {
    expect((await suite.containerd.ctr(["tasks", "pause", pod.id])).status).to.equal(0);
    expect((await suite.containerd.tasks()).get(pod.id)).to.equal("PAUSED");
    expect((await exec("e4", ["true"])).stderr).to.include("it is paused");
    expect((await suite.containerd.ctr(["tasks", "pause", pod.id])).stderr).to.include("it is paused");
    expect((await suite.containerd.ctr(["tasks", "resume", pod.id])).status).to.equal(0);
    expect((await suite.containerd.tasks()).get(pod.id)).to.equal("RUNNING");
    expect((await suite.containerd.ctr(["tasks", "resume", pod.id])).stderr).to.include("it is running");
    expect(await exec("e4", ["echo", "awake"])).to.include({ stdout: "awake\n" });
  });

  it("tells what it uses and which process stands for it", async () => {
    const { stdout } = await suite.containerd.ctr(["tasks", "metrics", pod.id]);
    expect(Number(/memory\.usage(?:_in_bytes)?\s+(\d+)/.exec(stdout)?.[1])).to.be.greaterThan(100_000);
    const listed = await suite.containerd.ctr(["tasks", "list"]);
    const pid = new RegExp(`^${pod.id}\\s+(\\d+)\\s`, "m").exec(listed.stdout)?.[1];
    const processes = await suite.containerd.ctr(["tasks", "ps", pod.id]);
    expect(processes.stdout.split("\n").map((line) => line.trim().split(/\s+/)[0])).to.deep.equal(["PID", pid, ""]);
    // A machine in the shim's own process has no other.
    const { containerd } = suite;
    expect(Number(pid)).to.equal(machine === "dragonball" ? containerd.shimOf(pod.id) : containerd.machineOf(pod.id));
  });

  it("refuses to start it again, to delete it or to take its name", async () => {
    const { containerd } = suite;
    expect((await containerd.ctr(["tasks", "start", pod.id])).stderr).to.include("already exists");
    expect((await containerd.run(pod.id, ["-d"], ["true"])).stderr).to.include("already exists");
    expect((await containerd.ctr(["tasks", "delete", pod.id])).stderr).to.include(
      "task must be stopped before deletion",
    );
    expect((await containerd.ctr(["containers", "delete", pod.id])).stderr).to.include("cannot delete a non stopped");
    expect((await containerd.tasks()).get(pod.id)).to.equal("RUNNING");
  });

  it("deletes it by force, and starts it anew from what was created", async () => {
    const { containerd } = suite;
    const id = suite.newId();
    expect((await containerd.run(id, ["-d", ...pod.flags], ["sh", "-c", "date > /made; sleep 1000"])).status).to.equal(
      0,
    );
    expect((await containerd.ctr(["tasks", "delete", "--force", id])).stderr).to.include("exit code 137");
    expect(await containerd.tasks()).not.to.include.keys(id);
    expect((await containerd.ctr(["tasks", "start", "--detach", id])).stderr).to.equal("");
    expect((await containerd.tasks()).get(id)).to.equal("RUNNING");
    const again = await containerd.ctr(["tasks", "exec", "--exec-id", "e", id, "cat", "/made"]);
    expect(again.stdout).to.match(/\d{4}\n$/);
    await containerd.remove(id);
    expect((await containerd.ctr(["containers", "list", "--quiet"])).stdout).to.equal(`${pod.id}\n`);
  });
};
