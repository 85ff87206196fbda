#!/usr/bin/env node
/**
 * A containerd shim of one's own. As `containerd-shim-example-v2` in containerd's PATH it is the runtime `io.containerd.example.v2`.
 *
 * containerd runs it with `start` for each container, which prints where the container's pod is served, and with `delete` when a
 * container is gone. `serve` is the process that the first `start` of a pod leaves behind, and in which everything runs.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  builtins,
  catchLateErrors,
  cleanUpSandbox,
  containerIdentity,
  createLogger,
  describeError,
  encodeDeleteResponse,
  type OciSpec,
  Runtime,
  type TaskServiceConfig,
} from "kata-ts";

const run = process.env["EXAMPLE_SHIM_RUN"] ?? "/run/example-shim";
const roots = { run, shared: join(run, "shared") };

/** The pod of a container, by the annotations in its bundle, and the socket of who serves it. */
function podOf(namespace: string, id: string, bundle: string) {
  const spec = JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")) as OciSpec;
  const { sandboxId, role } = containerIdentity(id, spec);
  const name = createHash("sha256").update(`${namespace}/${sandboxId}`).digest("hex").slice(0, 32);
  return { sandboxId, joins: role === "container", socket: join(run, `${name}.sock`) };
}

const isServed = (socket: string): Promise<boolean> =>
  new Promise((resolve) => {
    const connection = connect(socket, () => {
      connection.destroy();
      resolve(true);
    });
    connection.on("error", () => resolve(false));
  });

/** Undoes what is left of a pod whose process is gone. */
async function cleanUp(namespace: string, sandboxId: string, socket: string): Promise<void> {
  await cleanUpSandbox({ namespace, sandboxId, roots });
  rmSync(socket, { force: true });
}

/** Has a pod's process made, unless it is there, and says where it listens. */
async function start(namespace: string, id: string): Promise<void> {
  const { sandboxId, joins, socket } = podOf(namespace, id, process.cwd());
  if (!(await isServed(socket))) {
    if (joins) throw new Error(`the container "${id}" is of the pod "${sandboxId}", which nobody serves`);
    await cleanUp(namespace, sandboxId, socket);
    mkdirSync(run, { recursive: true, mode: 0o711 });
    // containerd reads until nobody holds its pipe any more, so that is not passed on.
    const stdio = ["ignore", "ignore", openSync("shim.log", "a"), "ipc"] as const;
    const program = fileURLToPath(import.meta.url);
    const child = spawn(process.execPath, [program, "serve", namespace, socket], { detached: true, stdio: [...stdio] });
    const [said] = (await Promise.race([once(child, "message"), once(child, "exit")])) as unknown[];
    if (said !== "serving") throw new Error(`the pod's process has ended: ${readFileSync("shim.log", "utf8")}`);
    child.disconnect();
    child.unref();
  }
  // For containerd, when it is started anew and asks again.
  writeFileSync("address", `unix://${socket}`);
  process.stdout.write(`unix://${socket}`);
}

/** Serves a pod until containerd is done with it. */
async function serve(namespace: string, socket: string): Promise<void> {
  process.chdir("/");
  const log = createLogger((line) => process.stderr.write(`${line}\n`), "info");
  const runtime = new Runtime({ plugins: builtins, namespace, roots, ownsProcess: true, log });
  catchLateErrors(runtime, (error, what) => {
    log.error(what, { error: describeError(error) });
    void runtime.destroy(error).finally(() => process.exit(1));
  });
  const publisher = { address: process.env["TTRPC_ADDRESS"] ?? "" };
  const config: TaskServiceConfig = { listen: { path: socket }, namespace, publisher };
  const service = await runtime.createService("task", config);
  await service.start();
  process.send?.("serving");
  await service.finished;
  await runtime.close();
}

/** Says how a container has ended that nobody could ask any more: it was killed, with all of its pod. */
async function remove(namespace: string, id: string, bundle: string): Promise<void> {
  const { sandboxId, socket } = podOf(namespace, id, bundle);
  if (!(await isServed(socket))) await cleanUp(namespace, sandboxId, socket);
  const exit = { status: 128 + 9, exitedAt: new Date() };
  process.stdout.write(await encodeDeleteResponse({ pid: 0, exit }));
}

const text = { type: "string", default: "" } as const;
const { values, positionals } = parseArgs({
  // containerd writes flags as Go has them, with one dash.
  args: process.argv.slice(2).map((word) => word.replace(/^-(?=[a-z])/, "--")),
  options: {
    namespace: text,
    id: text,
    address: text,
    "publish-binary": text,
    bundle: text,
    debug: { type: "boolean" },
  },
  allowPositionals: true,
});
const [action = "", ...rest] = positionals;
try {
  if (action === "start") await start(values.namespace, values.id);
  else if (action === "delete") await remove(values.namespace, values.id, values.bundle);
  else if (action === "serve") await serve(rest[0] ?? "", rest[1] ?? "");
  else throw new Error(`what is "${action}"? There are start and delete, for containerd`);
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
