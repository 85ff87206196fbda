import { createHash, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { busyboxImage } from "../../support/containerd.js";
import type { ContainerChecks } from "./list.js";

const md5 = (text: string): string => createHash("md5").update(text).digest("hex");
/** Text of this many bytes that no compression, and no loss of a piece, leaves as it is. */
const noise = (bytes: number): string =>
  randomBytes(Math.ceil(bytes * 0.75))
    .toString("base64")
    .slice(0, bytes);

/** Input and output of `ctr run`. */
export const streams: ContainerChecks = ({ suite, pod, pace }) => {
  const million = 1_000_000 / pace;
  const run = (command: readonly string[], input?: string, flags: readonly string[] = []) =>
    suite.containerd.run(suite.newId(), ["--rm", ...pod.flags, ...flags], command, {
      ...(input !== undefined && { input }),
    });

  // Nothing at all is not piped in here: then ctr itself, with any runtime, does not always tell that the input has ended.
  it("passes on what is piped in, and its end", async () => {
    expect(await run(["cat"], "hi\n")).to.include({ status: 0, stdout: "hi\n", stderr: "" });
  });

  it("passes on many megabytes of input", async () => {
    const input = noise(10 * million);
    const { stdout } = await run(["sh", "-c", "cat | md5sum"], input);
    expect(stdout).to.equal(`${md5(input)}  -\n`);
  });

  it("passes on many megabytes of output, and the error output beside it", async () => {
    const text = noise(20 * million);
    writeFileSync(join(suite.containerd.directory, "noise"), text);
    const mount = `type=bind,src=${suite.containerd.directory},dst=/mnt,options=rbind:ro`;
    const script = `cat /mnt/noise; head -c ${million} /mnt/noise >&2; exit 5`;
    const { status, stdout, stderr } = await run(["sh", "-c", script], undefined, ["--mount", mount]);
    expect(status).to.equal(5);
    expect([stdout.length, md5(stdout)]).to.deep.equal([text.length, md5(text)]);
    expect([stderr.length, md5(stderr)]).to.deep.equal([million, md5(text.slice(0, million))]);
  });

  it("is a conversation while the input is open, which a process that ends does not wait for", async () => {
    const id = suite.newId();
    const script = 'while read -r line; do [ "$line" = quit ] && exit 9; echo "got $line"; done';
    const talk = suite.containerd.talk([
      "run",
      "--rm",
      ...suite.containerd.runtimeFlags,
      ...pod.flags,
      busyboxImage,
      id,
      "sh",
      "-c",
      script,
    ]);
    talk.say("one\n");
    await talk.see(/got one\n/);
    talk.say("two\n");
    await talk.see(/got two\n/);
    talk.say("quit\n");
    expect(await talk.end()).to.equal(9);
  });

  it("is nothing when nothing is wanted", async () => {
    const script = "echo lost; cat; exit 6";
    expect(await run(["sh", "-c", script], undefined, ["--null-io"])).to.include({ status: 6, stdout: "" });
  });
};
