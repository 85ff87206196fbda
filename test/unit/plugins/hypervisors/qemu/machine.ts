import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { loadConfig } from "../../../../../src/core/config/load.js";
import { silentLogger } from "../../../../../src/core/log.js";
import { SandboxRecord } from "../../../../../src/core/sandbox/record.js";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { config as schema } from "../../../../../src/plugins/hypervisors/qemu/config.js";
import { QemuHypervisor, type QemuOptions } from "../../../../../src/plugins/hypervisors/qemu/qemu.js";

/** A machine for a test, and its directories. */
export interface TestMachine {
  readonly machine: QemuHypervisor;
  /** Holds all that belongs to it. */
  readonly root: string;
  readonly runDirectory: string;
  /** Names it in the command lines of its processes. */
  readonly id: string;
  readonly record: SandboxRecord;
}

/** What a test says about `[hypervisor.qemu]`. */
export type Settings = Readonly<Record<string, unknown>>;

const roots: string[] = [];

/** A machine that emulates, unless `more` says otherwise, with keys of `[hypervisor.qemu]`. */
export async function makeMachine(settings: Settings, more: Partial<QemuOptions> = {}): Promise<TestMachine> {
  const root = mkdtempSync(join(tmpdir(), "kata-qemu-"));
  roots.push(root);
  const id = basename(root);
  const runDirectory = join(root, "run");
  mkdirSync(runDirectory, { mode: 0o700 });
  const overrides = Object.entries(settings).map(([key, value]) => ({
    key: `hypervisor.qemu.${key}`,
    value,
    name: "the test",
  }));
  const config = await loadConfig({
    builtIn: true,
    checkFiles: false,
    extensions: [{ kind: "hypervisor", name: "qemu", ...schema.kataConfig }],
    overrides: [{ key: "runtime.hypervisor_name", value: "qemu", name: "the test" }, ...overrides],
  });
  const record = SandboxRecord.create(runDirectory, { namespace: "test", id });
  const machine = new QemuHypervisor({
    sys: createLinuxSys(),
    log: silentLogger,
    roots: { guestCache: join(root, "no-guest"), run: root },
    config,
    settings: config.hypervisor,
    sandbox: { id, namespace: "test", runDirectory, record },
    probe: async () => ({ usable: false, reason: "the test emulates" }),
    vsockDevice: join(root, "no-vsock"),
    ...more,
  });
  return { machine, root, runDirectory, id, record };
}

/** Removes the directories of all machines made so far. */
export function removeMachines(): void {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
}

export const spec = { vcpus: 1, memoryMiB: 128, kernelParameters: [] } as const;
export const never = new AbortController().signal;

/** What a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}
