import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { deleteTask, killTask, waitTask } from "../src/core/messages/task.js";
import { plugin as virtContainer } from "../src/plugins/handlers/virt-container/index.js";
import { FakeWorld, podAnnotations } from "../src/testing/fake-world.js";
import { programTime, runProgram } from "./program-time.js";
import type { Row } from "./row.js";
import { inTurns, median } from "./turns.js";

const [sandboxes, containers, rounds] = [100, 10, 7];

/** What a container is ended by. */
const sigterm = 15;

async function end({ runtime }: FakeWorld, containerId: string): Promise<void> {
  const id = { containerId, execId: "" };
  await runtime.request(killTask({ ...id, signal: sigterm, all: false }));
  await runtime.request(waitTask(id));
  await runtime.request(deleteTask(id));
}

/** A pod with its containers, from create to delete. */
async function playPod(world: FakeWorld, pod: string): Promise<void> {
  const further = Array.from({ length: containers - 1 }, (_, index) => `${pod}-${index}`);
  await world.run(pod, podAnnotations("sandbox", pod));
  for (const id of further) await world.run(id, podAnnotations("container", pod));
  for (const id of [...further, pod]) await end(world, id);
}

/** All of them, in a world of its own; milliseconds. */
async function play(directory: string): Promise<number> {
  const world = new FakeWorld({
    directory: mkdtempSync(join(directory, "world-")),
    plugins: [virtContainer],
    toml: {},
  });
  const started = performance.now();
  for (let index = 0; index < sandboxes; index++) await playPod(world, `pod${index}`);
  const ms = performance.now() - started;
  await world.runtime.close();
  return ms;
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** MB of the heap that are in use once what nobody has is gone. */
function heapInUse(): number {
  collect();
  return process.memoryUsage().heapUsed / 1e6;
}

/** A file of the library, as the package has it. */
const libraryFile = (name: string) => JSON.stringify(pathToFileURL(join(import.meta.dirname, "../lib", name)).href);
const ofModule = (program: string) => ["--input-type=module", "-e", program];

/** A program that imports the package and registers the plugins that come with it. */
const registering = ofModule(`
  const { Runtime, builtins } = await import(${libraryFile("index.js")});
  new Runtime({ plugins: builtins }).registry.freeze();
`);

/** A program that has loaded the library without any plugin, and says how long it takes to load and register them then. */
const registeringLater = ofModule(`
  const { Runtime } = await import(${libraryFile("core.js")});
  new Runtime({ plugins: [] }).registry.freeze();
  const begin = performance.now();
  const { builtins } = await import(${libraryFile("builtins.js")});
  new Runtime({ plugins: builtins }).registry.freeze();
  console.log(performance.now() - begin);
`);

/** What the framework costs: everything real but the machine, the guest and what lies on disks. */
export async function run(): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), "kata-bench-framework-"));
  try {
    // The first ones fill what the process keeps for good: compiled code, modules that are loaded late.
    for (let warm = 0; warm < 3; warm++) await play(directory);
    const before = heapInUse();
    const times = await inTurns(rounds, {
      node: () => programTime(process.execPath, ["-e", "0"], /^$/),
      play: () => play(directory),
      load: () => programTime(process.execPath, registering, /^$/),
      register: () => Number(runProgram(process.execPath, registeringLater, /^[\d.]+\n$/).stdout),
    });
    const against = { name: "node -e 0", value: median(times.node) };
    const row = (name: string, value: number, limit?: number): Row => ({
      name,
      value,
      unit: "ms",
      against,
      ratio: value / against.value,
      limit,
    });
    const after = heapInUse();
    return [
      row(`${sandboxes} sandboxes of ${containers} containers, create to delete`, median(times.play), 25),
      row("registry and all built-in plugins, loaded and registered, beyond the library", median(times.register), 0.12),
      row(
        "the package, imported with its plugins registered, beyond Node's own start",
        median(times.load) - against.value,
      ),
      {
        name: `heap in use after ${rounds + 1} times as many sandboxes`,
        value: after,
        unit: "MB",
        against: { name: "before, after the first ones", value: before },
        ratio: after / before,
        limit: 1.1,
      },
    ];
  } finally {
    rmSync(directory, { recursive: true });
  }
}
