/**
 * Runs a pod of two containers in one virtual machine: a web server, and a program that asks it.
 *
 *     node dist/examples/pod/main.js ROOTFS [CONFIGURATION]
 *
 * ROOTFS is a directory with a busybox that has `httpd` and `wget`.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { builtins, describeError, Runtime } from "kata-ts";
import { runPod } from "./pod.js";

const [rootPath, configPath] = process.argv.slice(2);
if (rootPath === undefined) {
  console.error("usage: main ROOTFS [CONFIGURATION]");
  process.exit(2);
}

const server = ["/bin/sh", "-c", "echo hello from the pod > /tmp/index.html; exec httpd -f -p 127.0.0.1:80 -h /tmp"];
const client = ["/bin/sh", "-c", "until wget -q -O - http://127.0.0.1/; do sleep 0.2; done"];

await using runtime = new Runtime({ plugins: builtins, ...(configPath !== undefined && { configPath }) });
const bundles = await mkdtemp(join(tmpdir(), "example-pod-"));
const output = join(bundles, "output");
try {
  process.exitCode = await runPod(runtime, { name: basename(bundles), rootPath, bundles, server, client, output });
  process.stdout.write(await readFile(output));
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
} finally {
  await rm(bundles, { recursive: true, force: true });
}
