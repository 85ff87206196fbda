import { loadConfig } from "../../src/core/config/load.js";
import type { CheckContext } from "../../src/core/plugin/host-check.js";
import { defaultRoots } from "../../src/core/runtime/roots.js";
import { fakeSys } from "../../src/testing/fake-sys.js";

/** What a plugin checks a host by, with a key set and `directory` for everything that a host has of the runtime. */
export async function checkContext(directory: string, key: string, value: string): Promise<CheckContext> {
  const overrides = [
    { key: "runtime.hypervisor_name", value: "qemu", name: "the test" },
    { key, value, name: "the test" },
  ];
  const config = await loadConfig({ builtIn: true, checkFiles: false, overrides });
  const own = ["run", "shared", "guestCache", "cgroup", "systemd"].map((name) => [name, directory] as const);
  return { sys: fakeSys(), roots: { ...defaultRoots, ...Object.fromEntries(own) }, config };
}
