import type { AgentConfig } from "./keys/agent.js";
import type { HypervisorConfig } from "./keys/hypervisor.js";
import type { RuntimeConfig } from "./keys/runtime.js";

/** The tables that are in use, each value of its own type and range. */
export interface ChosenTables {
  readonly runtime: RuntimeConfig;
  readonly hypervisor: HypervisorConfig;
  readonly agent: AgentConfig;
}

/**
 * Adds a complaint about a key: `complain("hypervisor", "kernel", "is …")`. When nothing sets the key, what is shown is the
 * line of `other`, the key of that table which it does not go with.
 */
export type Complain = (table: keyof ChosenTables, key: string, problem: string, other?: string) => void;

const bindMount = /^\/[^:]*(?::(?:ro|rw))?$/;
const sharedPath = /^(?:\/[-\w.]+)+\/?$/;

function checkHypervisor(values: HypervisorConfig, complain: Complain): void {
  const { default_vcpus, default_maxvcpus, default_memory, default_maxmemory } = values;
  if (default_maxvcpus > 0 && default_maxvcpus < default_vcpus) {
    complain("hypervisor", "default_maxvcpus", `is ${default_maxvcpus}, less than default_vcpus = ${default_vcpus}`);
  }
  if (default_maxmemory > 0 && default_maxmemory < default_memory) {
    complain(
      "hypervisor",
      "default_maxmemory",
      `is ${default_maxmemory}, less than default_memory = ${default_memory}`,
    );
  }
  const { block_device_logical_sector_size: logical, block_device_physical_sector_size: physical } = values;
  if (physical > 0 && logical > physical) {
    const problem = `is ${logical}, more than block_device_physical_sector_size = ${physical}`;
    complain("hypervisor", "block_device_logical_sector_size", problem);
  }
}

function checkRuntime(values: RuntimeConfig, complain: Complain): void {
  if (values.disable_new_netns && values.internetworking_model !== "none") {
    const problem = `is true, which needs internetworking_model = "none"; that is "${values.internetworking_model}"`;
    complain("runtime", "disable_new_netns", problem);
  }
  for (const mount of values.sandbox_bind_mounts) {
    if (bindMount.test(mount) && !mount.split("/").includes("..")) continue;
    complain(
      "runtime",
      "sandbox_bind_mounts",
      `has ${JSON.stringify(mount)}; it takes an absolute path, then :ro or :rw`,
    );
  }
  for (const mount of values.shared_mounts) {
    const empty = Object.entries(mount).find(([, value]) => value === "")?.[0];
    if (empty !== undefined) complain("runtime", "shared_mounts", `has an entry without "${empty}"`);
    for (const path of [mount.src_path, mount.dst_path]) {
      if (path === "" || (sharedPath.test(path) && !path.split("/").includes(".."))) continue;
      complain(
        "runtime",
        "shared_mounts",
        `has the path ${JSON.stringify(path)}; it takes an absolute one without ".."`,
      );
    }
  }
}

/** Finds what is impossible only in view of two keys, or of what a string means. */
export function checkConstraints({ runtime, hypervisor, agent }: ChosenTables, complain: Complain): void {
  checkHypervisor(hypervisor, complain);
  checkRuntime(runtime, complain);
  const { dial_timeout_ms, reconnect_timeout_ms } = agent;
  if (reconnect_timeout_ms < dial_timeout_ms) {
    const problem = `is ${reconnect_timeout_ms}, less than dial_timeout_ms = ${dial_timeout_ms}, the pause between two attempts`;
    complain("agent", "reconnect_timeout_ms", problem, "dial_timeout_ms");
  }
}
