import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { podFlags } from "../../support/containerd.js";
import { describeContainerd, podForAll } from "./suite.js";

const bootId = ["cat", "/proc/sys/kernel/random/boot_id"];

describeContainerd("the containers of a pod", (suite) => {
  const pod = podForAll(suite);

  /** Runs a container of the pod that stays. */
  async function start(id: string): Promise<void> {
    expect((await suite.containerd.run(id, ["-d", ...pod.flags], ["sleep", "100000"])).stderr).to.equal("");
  }

  const bootIdOf = async (id: string): Promise<string> =>
    (await suite.containerd.ctr(["tasks", "exec", "--exec-id", "e", id, ...bootId])).stdout;

  it("share one machine, in which others take the place of those that are removed", async () => {
    const [one, two] = [suite.newId(), suite.newId()];
    const machine = await bootIdOf(pod.id);
    expect(machine).to.match(/^[0-9a-f-]{36}\n$/);
    await start(one);
    expect(await bootIdOf(one)).to.equal(machine);
    await suite.containerd.remove(one);
    expect((await suite.containerd.tasks()).get(pod.id)).to.equal("RUNNING");
    await start(two);
    // A name that has become free can be used again.
    await start(one);
    for (const id of [one, two]) expect(await bootIdOf(id)).to.equal(machine);
    for (const id of [one, two]) await suite.containerd.remove(id);
  });

  it("are twenty on the threads of one", async () => {
    const shim = suite.containerd.shimOf(pod.id);
    const threads = (): number => Number(/^Threads:\s+(\d+)$/m.exec(readFileSync(`/proc/${shim}/status`, "utf8"))?.[1]);
    const ids = Array.from({ length: 19 }, () => suite.newId());
    const [first = "", ...others] = ids;
    await start(first);
    const few = threads();
    await Promise.all(others.map(start));
    expect([...(await suite.containerd.tasks()).values()].filter((status) => status === "RUNNING")).to.have.length(20);
    expect(threads()).to.equal(few);
    await Promise.all(ids.map((id) => suite.containerd.remove(id)));
    expect([...(await suite.containerd.tasks()).keys()]).to.deep.equal([pod.id]);
  });

  it("see no more of each other than Kubernetes has them see", async () => {
    const id = suite.newId();
    const script = "echo $$ /proc/[0-9]*; ls /dev/shm | wc -l";
    const { stdout } = await suite.containerd.run(id, ["--rm", ...pod.flags], ["sh", "-c", script]);
    expect(stdout).to.equal("1 /proc/1\n0\n");
  });

  it("end with the container that stands for it, and it takes no others then", async () => {
    const [sandbox, one, two] = [suite.newId(), suite.newId(), suite.newId()];
    const run = (id: string, role: "sandbox" | "container") =>
      suite.containerd.run(id, ["-d", ...podFlags(role, sandbox)], ["sleep", "100000"]);
    const events = await suite.containerd.events();
    expect((await run(sandbox, "sandbox")).stderr).to.equal("");
    expect((await run(one, "container")).stderr).to.equal("");
    expect((await suite.containerd.ctr(["tasks", "kill", "--signal", "KILL", sandbox])).status).to.equal(0);
    expect((await events.until(one, "exit")).at(-1)?.fields).to.include({ exit_status: 137 });
    expect((await run(two, "container")).stderr)
      .to.include(sandbox)
      .and.include("has ended");
    await suite.containerd.ctr(["containers", "delete", two]);
    for (let looks = 0; looks < 100 && (await suite.containerd.tasks()).get(one) === "RUNNING"; looks += 1)
      await sleep(50);
    expect(Object.fromEntries(await suite.containerd.tasks())).to.include({ [sandbox]: "STOPPED", [one]: "STOPPED" });
    for (const id of [sandbox, one]) await suite.containerd.remove(id);
    await events.close();
  });
});
