import { spawnSync } from "node:child_process";
import { expect } from "chai";
import { busyboxImage } from "../../support/containerd.js";
import type { Dialogue } from "../../support/dialogue.js";
import type { ContainerChecks } from "./list.js";

const size = { rows: 31, columns: 97 };
/** Prints the terminal's size whenever it is another; ctr tells it a moment after the start. */
const watchSize = 'while :; do now=$(stty size); [ "$now" = "$was" ] || echo "size $now"; was=$now; sleep 0.2; done';

/** A shell that shows no prompt: it runs the lines it is given until its input ends. */
const shell = [
  "sh",
  "-c",
  'trap "echo interrupted" INT; echo ready; while read -r line; do eval "$line"; done; exit 7',
];

/** `ctr` on a terminal. */
export const terminal: ContainerChecks = ({ suite, pod }) => {
  let id: string;
  let run: Dialogue;
  let outer: string;
  const dialogues: Dialogue[] = [];

  /** Changes the size of the terminal that a dialogue said it is on. */
  function resize(tty: string, rows: number, columns: number): void {
    const { status, stderr } = spawnSync("stty", ["-F", tty, "rows", String(rows), "cols", String(columns)]);
    expect(status, String(stderr)).to.equal(0);
  }

  const nameOf = async (dialogue: Dialogue): Promise<string> => (await dialogue.see(/(\/dev\/pts\/\d+)\r*\n/))[1] ?? "";

  before("run a shell", async () => {
    id = suite.newId();
    run = suite.containerd.talkOnTerminal(
      ["run", "--rm", ...suite.containerd.runtimeFlags, ...pod.flags, "-t", busyboxImage, id, ...shell],
      size,
    );
    outer = await nameOf(run);
    await run.see(/ready/);
  });
  after(async () => {
    for (const dialogue of [run, ...dialogues]) dialogue.kill();
    await suite.containerd.remove(id);
  });

  it("gives the container one, of the client's size whenever that changes, and its keys", async () => {
    run.say(`tty; (${watchSize})\n`);
    await run.see(/\/dev\/pts\/0\r+\n/);
    await run.see(/size 31 97\r+\n/);
    resize(outer, 20, 50);
    await run.see(/size 20 50\r+\n/);
    run.say("\x03");
    await run.see(/interrupted/);
    run.say('echo "$((6 * 7))"; echo error >&2\n');
    await run.see(/\r+\n42\r+\nerror\r+\n/);
  });

  it("gives a further process one of its own, and its exit status", async () => {
    const flags = ["-t", "--exec-id", "e1"];
    const exec = suite.containerd.talkOnTerminal(["tasks", "exec", ...flags, id, "sh", "-c", watchSize], size);
    dialogues.push(exec);
    const tty = await nameOf(exec);
    await exec.see(/size 31 97\r+\n/);
    resize(tty, 44, 132);
    await exec.see(/size 44 132\r+\n/);
    exec.say("\x03");
    expect(await exec.end()).to.equal(130);
    run.say("stty size\n");
    await run.see(/\r+\n20 50\r+\n/);
  });

  it("ends with the key that ends input, with the exit status", async () => {
    run.say("\x04");
    expect(await run.end()).to.equal(7);
    expect(await suite.containerd.tasks()).not.to.include.keys(id);
  });
};
