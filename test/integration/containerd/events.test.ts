import { expect } from "chai";
import { describeContainerd } from "./suite.js";

describeContainerd("ctr events", (suite) => {
  it("has all that happens to a container, in order, once each, with all fields", async () => {
    const { containerd } = suite;
    const id = suite.newId();
    const began = new Date().toISOString();
    const events = await containerd.events();
    try {
      expect((await containerd.run(id, ["-d"], ["sh", "-c", "trap 'exit 4' TERM; sleep 1000 & wait"])).stderr).to.equal(
        "",
      );
      const exec = await containerd.ctr(["tasks", "exec", "--exec-id", "e1", id, "sh", "-c", "exit 7"]);
      expect(exec.status).to.equal(7);
      for (const word of ["pause", "resume"]) expect((await containerd.ctr(["tasks", word, id])).status).to.equal(0);
      expect((await containerd.ctr(["tasks", "kill", id])).status).to.equal(0);
      await events.until(id, "exit", { exit_status: 4 });
    } finally {
      await containerd.remove(id);
    }
    const told = await events.until(id, "delete");
    await events.close();

    const pid = told[0]?.fields["pid"];
    expect(pid).to.be.a("number").and.greaterThan(1);
    const container_id = id;
    const [create, ...others] = told;
    expect(create?.topic).to.equal("/tasks/create");
    const bundle = `${containerd.directory}/state/io.containerd.runtime.v2.task/default/${id}`;
    expect(create?.fields).to.include({ container_id, bundle, pid }).and.include.keys("rootfs", "io");
    expect(create?.fields["io"]).to.include.keys("stdin", "stdout", "stderr");
    expect(create?.fields["rootfs"]).to.have.length(1);
    const [execExit, exit] = others.filter(({ topic }) => topic === "/tasks/exit");
    const exitTimes = [execExit, exit].map((event) => event?.fields["exited_at"]);
    for (const time of exitTimes) expect(new Date(String(time)).toISOString() >= began).to.equal(true);
    const [execTime, exited_at] = exitTimes;
    expect(others).to.deep.equal([
      { topic: "/tasks/start", fields: { container_id, pid } },
      { topic: "/tasks/exec-added", fields: { container_id, exec_id: "e1" } },
      { topic: "/tasks/exec-started", fields: { container_id, exec_id: "e1", pid } },
      { topic: "/tasks/exit", fields: { container_id, id: "e1", pid, exit_status: 7, exited_at: execTime } },
      { topic: "/tasks/paused", fields: { container_id } },
      { topic: "/tasks/resumed", fields: { container_id } },
      { topic: "/tasks/exit", fields: { container_id, id, pid, exit_status: 4, exited_at } },
      { topic: "/tasks/delete", fields: { container_id, pid, exit_status: 4, exited_at } },
    ]);
  });
});
