import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { writeLogger } from "./logger.js";
import { describeContainerd, podForAll } from "./suite.js";

describeContainerd("output of containers, given to", (suite) => {
  const pod = podForAll(suite);
  let logger: string;
  before(() => {
    logger = writeLogger(suite.containerd.directory);
  });

  const text = (path: string): string => readFileSync(path, "utf8");
  const newFile = (): string => join(suite.containerd.directory, `log-${suite.newId()}`);
  const run = (id: string, uri: string, script: string) =>
    suite.containerd.run(id, ["-d", ...pod.flags, "--log-uri", uri], ["sh", "-c", script]);

  /** Waits for the end of a detached container and removes it. */
  async function end(id: string): Promise<void> {
    for (let looks = 0; looks < 400 && (await suite.containerd.tasks()).get(id) !== "STOPPED"; looks += 1)
      await sleep(25);
    expect((await suite.containerd.ctr(["tasks", "delete", id])).status).to.equal(0);
    await suite.containerd.ctr(["containers", "delete", id]);
  }

  it("a file, which is made when it is missing and appended to when not", async () => {
    const [one, two, file] = [suite.newId(), suite.newId(), join(suite.containerd.directory, "a/b/out put")];
    const uri = `file://${encodeURI(file)}`;
    expect((await run(one, uri, "echo one; echo two >&2")).stderr).to.equal("");
    await end(one);
    expect((await run(two, uri, "echo three")).stderr).to.equal("");
    await end(two);
    const lines = text(file).split("\n");
    expect(lines.slice(0, 2).sort()).to.deep.equal(["one", "two"]);
    expect(lines.slice(2)).to.deep.equal(["three", ""]);
  });

  it("a program, with what containerd's loggers get, which ends with the container", async () => {
    const [id, file] = [suite.newId(), newFile()];
    const script = "echo out; echo err >&2; i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); echo $i; done";
    expect((await run(id, `binary://${logger}?to=${file}`, script)).stderr).to.equal("");
    await end(id);
    const numbers = Array.from({ length: 2000 }, (_, index) => `${index + 1}\n`).join("");
    expect(text(file)).to.equal(`out\n${numbers}`);
    expect(text(`${file}.err`)).to.equal("err\n");
    // From 10 on they are its shell's own.
    expect(text(`${file}.life`)).to.equal(`CONTAINER_ID=${id}\nCONTAINER_NAMESPACE=default\n0 1 2 3 4 5 ended\n`);
  });

  it("a program for a further process, which has an id of its own", async () => {
    const file = newFile();
    const flags = ["--exec-id", "logged", "--log-uri", `binary://${logger}?to=${file}`];
    const exec = await suite.containerd.ctr(["tasks", "exec", ...flags, pod.id, "echo", "said by a further one"]);
    expect(exec).to.include({ status: 0 });
    expect(text(file)).to.equal("said by a further one\n");
    expect(text(`${file}.life`))
      .to.include("CONTAINER_ID=logged\n")
      .and.include("ended");
  });

  it("a program that ends too early: the container goes on", async () => {
    const id = suite.newId();
    const early = join(suite.containerd.directory, "early.sh");
    writeFileSync(early, "#!/bin/sh\nexec 5>&-\nread -r line <&3\n");
    chmodSync(early, 0o755);
    const file = newFile();
    const mount = `type=bind,src=${suite.containerd.directory},dst=/mnt,options=rbind:rw`;
    const script = `i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); echo $i; done; echo done > /mnt/${file.split("/").at(-1)}`;
    const flags = ["-d", ...pod.flags, "--mount", mount, "--log-uri", `binary://${early}`];
    expect((await suite.containerd.run(id, flags, ["sh", "-c", script])).stderr).to.equal("");
    await end(id);
    expect(text(file)).to.equal("done\n");
  });

  it("a program that others could change, or that is none, or not there: the container is refused", async () => {
    const open = join(suite.containerd.directory, "open.sh");
    writeFileSync(open, "#!/bin/sh\nexec 5>&-\ncat <&3\n");
    chmodSync(open, 0o777);
    const plain = join(suite.containerd.directory, "plain");
    writeFileSync(plain, "no program\n");
    for (const path of [open, plain, "/nowhere/logger"]) {
      const id = suite.newId();
      const { status, stderr } = await run(id, `binary://${path}`, "echo lost");
      expect({ path, status }).to.deep.equal({ path, status: 1 });
      expect(stderr).to.include(path);
      await suite.containerd.ctr(["containers", "delete", id]);
    }
  });
});
