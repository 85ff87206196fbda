import { rmSync } from "node:fs";
import { join } from "node:path";
import { podAnnotations, ShimFixture } from "../test/support/shim.js";
import { programTime } from "./program-time.js";
import type { Row } from "./row.js";
import { inTurns, median } from "./turns.js";

const rounds = 31;

/** Starts the shim of a new sandbox, and ends it before it does more than print its address. */
async function startTime(shim: ShimFixture, id: string): Promise<number> {
  const { path } = shim.bundle(id).configure({});
  const ms = programTime(shim.program, [...shim.flags(id), "start"], /^unix:\/\//, { cwd: path });
  const claimed = shim.shim(id);
  process.kill(claimed.pid, "SIGKILL");
  await shim.gone(claimed);
  return ms;
}

/** A bundle of a container that was created, ended and deleted, and whose shim is gone: what `delete` usually finds. */
async function endedContainer(shim: ShimFixture): Promise<string> {
  const id = "ended";
  const client = await shim.run(id, ["exit", "0"]);
  const claimed = shim.shim(id);
  await client.wait({ id, execId: "" });
  await client.delete({ id, execId: "" });
  await client.shutdown({ id, now: false });
  await shim.gone(claimed);
  return shim.bundle(id).path;
}

/** What containerd waits for whenever it runs the shim's program, in milliseconds, against an empty program of Node. */
export async function run(): Promise<Row[]> {
  const shim = new ShimFixture();
  try {
    shim.bundle("pod").configure({ annotations: podAnnotations("sandbox", "pod") });
    await shim.start("pod");
    const further = shim.bundle("further").configure({ annotations: podAnnotations("container", "pod") }).path;
    const ended = await endedContainer(shim);
    let started = 0;
    const times = await inTurns(rounds, {
      node: () => programTime(process.execPath, ["-e", "0"], /^$/),
      start: () => startTime(shim, `c${++started}`),
      version: () => programTime(shim.program, ["-v"], /kata-ts/),
      further: () => {
        rmSync(join(further, "address"), { force: true });
        return programTime(shim.program, [...shim.flags("further"), "start"], /^unix:\/\//, { cwd: further });
      },
      delete: () => {
        const args = [...shim.flags("ended"), "-bundle", ended, "delete"];
        return programTime(shim.program, args, /^/, { cwd: ended });
      },
    });
    const against = { name: "node -e 0", value: median(times.node) };
    const row = (name: string, values: readonly number[], limit: number): Row => {
      const value = median(values);
      return { name, value, unit: "ms", against, ratio: value / against.value, limit };
    };
    return [
      row("start of a sandbox's shim, to its address", times.start, 1.3),
      row("-v", times.version, 1.15),
      row("start for a further container of a pod", times.further, 0.3),
      row("delete after a clean end", times.delete, 0.3),
    ];
  } finally {
    shim.close();
  }
}
