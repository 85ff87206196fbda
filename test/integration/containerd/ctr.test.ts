import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { podFlags } from "../../support/containerd.js";
import { describeContainerd } from "./suite.js";

describeContainerd("ctr, through the shim", (suite) => {
  it("runs in the foreground: output, exit status, a kernel of its own", async () => {
    // Unlike its release, which the host may have as well, the id of its boot is a kernel's own.
    const bootId = "/proc/sys/kernel/random/boot_id";
    const script = `cat ${bootId}; echo to-stderr >&2; exit 3`;
    const { status, stdout, stderr } = await suite.containerd.run(suite.newId(), ["--rm"], ["sh", "-c", script]);
    expect(status).to.equal(3);
    expect(stdout)
      .to.match(/^[0-9a-f-]{36}\n$/)
      .and.not.equal(readFileSync(bootId, "utf8"));
    expect(stderr).to.include("to-stderr");
  });

  it("says what is wrong with a command that is not there, and leaves nothing", async () => {
    const { status, stderr } = await suite.containerd.run(suite.newId(), ["--rm"], ["/bin/nothing"]);
    expect(status).to.equal(1);
    expect(stderr).to.include("/bin/nothing");
  });

  it("refuses a container of a pod that is not there", async () => {
    const [id, pod] = [suite.newId(), suite.newId()];
    const { status, stderr } = await suite.containerd.run(id, ["--rm", ...podFlags("container", pod)], ["true"]);
    expect(status).to.equal(1);
    expect(stderr).to.include(pod);
  });

  it("leaves nothing when the shim is killed", async () => {
    const id = suite.newId();
    expect((await suite.containerd.run(id, ["--detach"], ["sleep", "1000"])).status).to.equal(0);
    process.kill(suite.containerd.shimOf(id), "SIGKILL");
    for (let looks = 0; looks < 100 && (await suite.containerd.tasks()).has(id); looks += 1) await sleep(50);
    expect((await suite.containerd.tasks()).has(id)).to.equal(false);
    await suite.containerd.ctr(["containers", "delete", id]);
  });

  it("keeps two apart that are created at once", async () => {
    const [one, two] = [suite.newId(), suite.newId()];
    const runs = [one, two].map((id) => suite.containerd.run(id, ["--rm"], ["sh", "-c", `echo ${id}`]));
    const finished = await Promise.all(runs);
    const ended = (id: string) => ({ status: 0, signal: null, stdout: `${id}\n`, stderr: "" });
    expect(finished).to.deep.equal([ended(one), ended(two)]);
  });
});
