import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OciMount } from "../src/core/oci/spec.js";
import { definePlugin } from "../src/core/plugin/plugin.js";
import { noConfig } from "../src/core/plugin/standard-schema.js";
import { FakeAgent, FakeHypervisor } from "../src/testing/index.js";
import { Pod } from "./pod.js";
import type { Row } from "./row.js";
import { inTurns, median } from "./turns.js";

const rounds = 30;
const limit = 0.25;

/** A machine and a guest that do nothing: what is left is the host's work. */
const idle = [
  definePlugin({ api: 1, kind: "hypervisor", name: "idle", config: noConfig, create: () => new FakeHypervisor() }),
  definePlugin({ api: 1, kind: "agent", name: "idle", config: noConfig, create: () => new FakeAgent() }),
];

const keys = {
  "runtime.hypervisor_name": "idle",
  "runtime.agent_name": "idle",
  "hypervisor.idle.shared_fs": "virtio-fs",
};

async function runc(...args: readonly string[]): Promise<void> {
  const child = spawn("runc", args, { stdio: "ignore" });
  const [status] = (await once(child, "exit")) as [number | null];
  if (status !== 0) throw new Error(`runc ${args.join(" ")} ended with ${status}`);
}

/** What the host does for a container, without the guest, against runc's making and deleting of one of the same bundle. */
export async function run(): Promise<Row[]> {
  const pod = await Pod.start({ name: "work", plugins: idle, keys });
  try {
    const files = ["hosts", "resolv.conf"].map((name): OciMount => {
      const source = join(pod.directory, name);
      writeFileSync(source, "# of the pod\n");
      return { destination: `/etc/${name}`, type: "bind", source, options: ["rbind", "rw"] };
    });
    const bundle = join(pod.directory, "runc");
    mkdirSync(bundle);
    writeFileSync(join(bundle, "config.json"), JSON.stringify(pod.spec(files)));
    let count = 0;
    const times = await inTurns(rounds, {
      ours: async () => {
        const id = `one-${process.pid}-${++count}`;
        const begin = performance.now();
        await pod.create(id, { mounts: files });
        await pod.remove(id);
        return performance.now() - begin;
      },
      runc: async () => {
        const id = `one-${process.pid}-${++count}`;
        const begin = performance.now();
        await runc("create", "--bundle", bundle, id);
        await runc("delete", "--force", id);
        return performance.now() - begin;
      },
    });
    const [value, against] = [median(times.ours), median(times.runc)];
    const name = "a container on the host, created and deleted, without a guest";
    return [
      {
        name,
        value,
        unit: "ms",
        against: { name: "runc create + delete", value: against },
        ratio: value / against,
        limit,
      },
    ];
  } finally {
    await pod.close();
  }
}
