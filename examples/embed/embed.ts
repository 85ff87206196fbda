/**
 * A program that embeds the runtime: it runs one command of a root file system in a virtual machine of its own, has its
 * output written to a file, and prints how the command ended.
 *
 *     node dist/examples/embed/embed.js ROOTFS OUTPUT-FILE COMMAND [ARG …]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  builtins,
  createTask,
  defaultSpec,
  deleteTask,
  describeError,
  Runtime,
  startTask,
  taskExited,
  waitTask,
} from "kata-ts";

const [rootPath, output, ...args] = process.argv.slice(2);
if (rootPath === undefined || output === undefined || args.length === 0) {
  console.error("usage: embed ROOTFS OUTPUT-FILE COMMAND [ARG …]");
  process.exit(2);
}

await using runtime = new Runtime({ plugins: builtins, namespace: "example" });
runtime.events.subscribe(taskExited, "example", ({ id, exit }) => {
  console.log(`${id.containerId} ended with ${exit.status}`);
});

const bundle = await mkdtemp(join(tmpdir(), "example-"));
const id = { containerId: "example", execId: "" };
try {
  const spec = defaultSpec({ rootPath, args });
  const io = { stdout: `file://${output}`, stderr: `file://${output}`, terminal: false };
  await runtime.request(createTask({ containerId: id.containerId, bundle, spec, rootfs: [], io }));
  await runtime.request(startTask(id));
  const { status } = await runtime.request(waitTask(id));
  await runtime.request(deleteTask(id));
  process.exitCode = status;
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
} finally {
  await rm(bundle, { recursive: true, force: true });
}
