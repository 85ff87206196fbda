import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { podFlags } from "../../support/containerd.js";
import { describeContainerd } from "./suite.js";

describeContainerd("the containers of a pod", (suite) => {
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
