import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { EffectiveConfig } from "../../src/core/config/effective.js";
import { loadConfig } from "../../src/core/config/load.js";
import type { HypervisorConfig } from "../../src/core/config/keys/hypervisor.js";
import type { hypervisorConfig } from "../../src/core/config/plugin-schema.js";
import type { HypervisorOptions } from "../../src/core/hypervisor/hypervisor-options.js";
import { silentLogger } from "../../src/core/log.js";
import { createLinuxSys } from "../../src/core/sys/linux/index.js";
import { SandboxRecord } from "../../src/core/sandbox/record.js";

/** What a test says about `[hypervisor.<name>]`. */
export type Settings = Readonly<Record<string, unknown>>;

/** Where a machine of a test is, and what it is told. */
export interface MachinePlace {
  /** Holds all that belongs to it. */
  readonly root: string;
  readonly runDirectory: string;
  /** Names it in the command lines of its processes. */
  readonly id: string;
  readonly record: SandboxRecord;
  readonly config: EffectiveConfig;
  readonly settings: HypervisorConfig;
}

const roots: string[] = [];

/** Directories and configuration for a machine of a hypervisor, whose plugin takes keys by `schema`. */
export async function makePlace(
  name: string,
  schema: ReturnType<typeof hypervisorConfig>,
  settings: Settings,
): Promise<MachinePlace> {
  const root = mkdtempSync(join(tmpdir(), `kata-${name}-`));
  roots.push(root);
  const id = basename(root);
  const runDirectory = join(root, "run");
  mkdirSync(runDirectory, { mode: 0o700 });
  const overrides = Object.entries(settings).map(([key, value]) => ({
    key: `hypervisor.${name}.${key}`,
    value,
    name: "the test",
  }));
  const config = await loadConfig({
    builtIn: true,
    checkFiles: false,
    extensions: [{ kind: "hypervisor", name, ...schema.kataConfig }],
    overrides: [{ key: "runtime.hypervisor_name", value: name, name: "the test" }, ...overrides],
  });
  const record = SandboxRecord.create(runDirectory, { namespace: "test", id });
  return { root, runDirectory, id, record, config, settings: config.hypervisor };
}

/** What any hypervisor is made with there. */
export function placeOptions({ root, id, runDirectory, record, config, settings }: MachinePlace): HypervisorOptions {
  return {
    sys: createLinuxSys(),
    log: silentLogger,
    roots: { guestCache: join(root, "no-guest"), run: root },
    config,
    settings,
    sandbox: { id, namespace: "test", runDirectory, record },
  };
}

/** Removes the directories of all machines made so far. */
export function removePlaces(): void {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
}
