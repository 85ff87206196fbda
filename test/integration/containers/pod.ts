import { readFileSync } from "node:fs";
import { expect } from "chai";
import type { ContainerChecks } from "./list.js";

const bootId = ["cat", "/proc/sys/kernel/random/boot_id"];

/** The containers of a pod. */
export const pods: ContainerChecks = ({ suite, pod, pace }) => {
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

  const many = Math.ceil(20 / pace);
  it(`are ${many} on the threads of one`, async () => {
    const shim = suite.containerd.shimOf(pod.id);
    const threads = (): number => Number(/^Threads:\s+(\d+)$/m.exec(readFileSync(`/proc/${shim}/status`, "utf8"))?.[1]);
    const ids = Array.from({ length: many - 1 }, () => suite.newId());
    const [first = "", ...others] = ids;
    await start(first);
    const few = threads();
    await Promise.all(others.map(start));
    expect([...(await suite.containerd.tasks()).values()].filter((status) => status === "RUNNING")).to.have.length(
      many,
    );
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
};
