import { join } from "node:path";
import type { Source } from "../../core/config/source.js";
import { Runtime } from "../../core/runtime/runtime.js";
import { builtins } from "../../plugins/builtins.js";
import type { Connections, TaskServiceConfig } from "../../plugins/services/task/config.js";

/** A file such as many hosts have. */
const configuration: Source = {
  kind: "file",
  name: "/rehearsal.toml",
  text: '[runtime]\nname = "virt_container"\nhypervisor_name = "qemu"\n',
};

/** A socket that nobody connects to. */
const connections: Connections = { take: () => undefined, close: () => undefined };

/**
 * What a shim does for its first container before the machine, in an empty directory: reads a configuration, and makes the
 * service and the plugins of a sandbox. The build has it done once: plugins are loaded when they are made, and the code cache
 * shall have them compiled.
 */
export async function rehearse(run: string): Promise<void> {
  await using runtime = new Runtime({
    plugins: builtins,
    roots: { run, shared: join(run, "shared") },
    configSources: [configuration],
  });
  await runtime.createService("task", { listen: { connections }, namespace: "rehearsal" } satisfies TaskServiceConfig);
  const { failures } = await runtime.tryPlugins();
  for (const [kind, error] of failures) throw new Error(`the rehearsal made no ${kind}`, { cause: error });
}
