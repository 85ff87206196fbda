import { parseArgs } from "node:util";
import { formatDeprecatedUse } from "../../../core/deprecation.js";
import { describeError } from "../../../core/errors/error.js";
import { formatPluginId } from "../../../core/plugin/kinds.js";
import type { CheckContext, HostFinding } from "../../../core/plugin/host-check.js";
import type { Registry } from "../../../core/plugin/registry.js";
import { defaultRoots } from "../../../core/runtime/roots.js";
import { Runtime } from "../../../core/runtime/runtime.js";
import { createLinuxSys } from "../../../core/sys/linux/index.js";
import { builtins } from "../../../plugins/builtins.js";
import { chosenPlugins } from "../chosen-plugins.js";
import { type Command, orUsage } from "../command.js";
import { printListing } from "../output.js";

const usage = "kata-ts check [--config FILE] [--hypervisor NAME] [--json]";

function runtimeFindings(): HostFinding[] {
  const root = process.getuid?.() === 0;
  return [
    {
      name: "root",
      state: root ? "ok" : "missing",
      detail: root ? "running as root" : `running as user ${process.getuid?.()}`,
      ...(!root && { remedy: "run as root: mounts, /dev/kvm and vhost devices need it" }),
    },
  ];
}

type Row = HostFinding & { readonly plugin: string };

/** What all plugins of a kind say. */
async function findingsOf(kind: string, registry: Registry, context: CheckContext): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { id, plugin } of registry.ofKind(kind)) {
    for (const finding of (await plugin.check?.(context)) ?? []) rows.push({ plugin: formatPluginId(id), ...finding });
  }
  return rows;
}

/** What drivers of cgroups say, of which the host chooses one. */
async function cgroupFindings(registry: Registry, context: CheckContext): Promise<Row[]> {
  const rows = await findingsOf("cgroup", registry, context);
  if (rows.length > 0) return rows;
  const detail = `none at ${context.roots.cgroup}: limits of containers are refused`;
  const remedy = `mount -t cgroup2 cgroup2 ${context.roots.cgroup}`;
  return [{ plugin: "", name: "cgroups", state: "degraded", detail, remedy }];
}

/** Says what this host can do; exits with 1 when something that is needed is missing. */
export const checkCommand: Command = {
  name: "check",
  usage,
  summary: "say what this host can do and, where it cannot, why and what to install",
  async run(args) {
    const { values } = orUsage(usage, () =>
      parseArgs({
        args: [...args],
        options: {
          config: { type: "string" },
          hypervisor: { type: "string" },
          json: { type: "boolean", default: false },
        },
      }),
    );
    await using runtime = new Runtime({
      plugins: builtins,
      ...(values.config && { configPath: values.config }),
      ...(values.hypervisor && {
        overrides: [{ key: "runtime.hypervisor_name", value: values.hypervisor, name: "--hypervisor" }],
      }),
    });
    const config = await runtime.config();
    const context = { sys: createLinuxSys(), roots: defaultRoots, config };
    const rows = runtimeFindings().map((finding) => ({ plugin: "", ...finding }));
    for (const { id, where, neededFor } of chosenPlugins(config, runtime.registry.kinds)) {
      const plugin = formatPluginId(id);
      try {
        const found = await runtime.registry.find(id.kind, id.name, where).plugin.check?.(context);
        for (const finding of found ?? []) rows.push({ plugin, ...finding });
      } catch (error) {
        const detail = describeError(error);
        if (neededFor === undefined) rows.push({ plugin, name: "plugin", state: "missing", detail });
        else rows.push({ plugin, name: "plugin", state: "degraded", detail: `no ${neededFor}: ${detail}` });
      }
    }
    rows.push(...(await findingsOf("volume", runtime.registry, context)));
    rows.push(...(await cgroupFindings(runtime.registry, context)));
    const plugins = runtime.registry.list().flatMap(({ deprecated }) => deprecated ?? []);
    for (const use of [...plugins, ...config.deprecated]) {
      rows.push({ plugin: "", name: "deprecated", state: "degraded", detail: formatDeprecatedUse(use) });
    }
    printListing(
      {
        rows,
        columns: [
          { title: "STATE", cell: (row) => row.state },
          { title: "NAME", cell: (row) => row.name },
          { title: "PLUGIN", cell: (row) => row.plugin },
          { title: "DETAIL", cell: (row) => (row.remedy === undefined ? row.detail : `${row.detail}; ${row.remedy}`) },
        ],
      },
      values.json,
    );
    return rows.some((row) => row.state === "missing") ? 1 : 0;
  },
};
