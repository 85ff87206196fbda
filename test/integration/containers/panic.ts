import { expect } from "chai";
import type { ContainerChecks } from "./list.js";

/** A view of the guest's kernel of which nothing is kept from the container. */
const guestProc = ["--mount", "type=proc,src=proc,dst=/guest,options=nosuid:noexec:nodev"];

/** What is told of a pod whose guest is lost: at once, with the reason. Its machine is gone after this. */
export const panic: ContainerChecks = ({ suite, pod }) => {
  it("ends with the others of its pod, with 255, and the log has the kernel's words", async () => {
    const { containerd } = suite;
    const events = await containerd.events();
    const id = suite.newId();
    try {
      const command = ["sh", "-c", "sleep 1; echo c > /guest/sysrq-trigger; sleep 1000"];
      expect((await containerd.run(id, ["-d", ...guestProc, ...pod.flags], command)).stderr).to.equal("");
      for (const one of [id, pod.id]) {
        expect((await events.until(one, "exit")).at(-1)?.fields).to.include({ exit_status: 255 });
      }
      expect(containerd.log).to.include("panicked: sysrq triggered crash");
    } finally {
      await containerd.remove(id);
      await events.close();
    }
    expect((await containerd.tasks()).get(pod.id)).to.equal("STOPPED");
  });
};
