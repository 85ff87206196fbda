import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { NamedExtension } from "../../src/core/config/extension.js";
import { agentKeys } from "../../src/core/config/keys/agent.js";
import { hypervisorKeys } from "../../src/core/config/keys/hypervisor.js";
import type { KeyRow, KeyTable } from "../../src/core/config/keys/key.js";
import { runtimeKeys } from "../../src/core/config/keys/runtime.js";
import { keyCells, keyTableHead } from "../../src/core/config/reference.js";
import type { PluginKind } from "../../src/core/plugin/kinds.js";
import { builtinExtensions } from "./config-schema.js";
import type { TabledCode } from "./error-tables.js";
import { projectDirectory } from "./project.js";

const project = projectDirectory();
const note = 'Generated from the plugin and its folder: "npm run reference" renews it.';

/** The folder of each built-in plugin, by `<kind>/<name>`, with the sentence above its registration. */
export interface PluginFolder {
  readonly folder: string;
  readonly summary: string;
}

/** What is found in the sources: every `index.ts` that registers a plugin. */
export function pluginFolders(): Map<string, PluginFolder> {
  const folders = new Map<string, PluginFolder>();
  const files = readdirSync(join(project, "src/plugins"), { recursive: true, encoding: "utf8" });
  for (const file of files.filter((path) => path.endsWith("/index.ts")).sort()) {
    const text = readFileSync(join(project, "src/plugins", file), "utf8");
    const [, comment = "", rest = ""] =
      /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport const plugin = ([\s\S]*)/.exec(text) ?? [];
    const kind = /^ {2}kind: "([^"]+)"/m.exec(rest)?.[1];
    const name = /^ {2}name: "([^"]+)"/m.exec(rest)?.[1];
    if (kind === undefined || name === undefined)
      throw new Error(`src/plugins/${file} registers no plugin with a sentence`);
    const summary = comment
      .replaceAll(/\s*\n \*\s*/g, " ")
      .replaceAll(/\s+/g, " ")
      .trim();
    folders.set(`${kind}/${name}`, { folder: `src/plugins/${file.replace("/index.ts", "")}`, summary });
  }
  return folders;
}

/** Names of what a plugin's `check` finds, as its sources have them. */
export function findingNames(folder: string): string[] {
  const file = join(project, folder, "check-host.ts");
  if (!existsSync(file)) return [];
  const names = [...readFileSync(file, "utf8").matchAll(/\bname(?:: | = )"([^"]+)"/g)];
  return [...new Set(names.map(([, name = ""]) => name))];
}

const tables: Readonly<Record<string, KeyTable>> = {
  runtime: runtimeKeys,
  hypervisor: hypervisorKeys,
  agent: agentKeys,
};

/** Rows of a table of keys: those named with their table, each with the default that the plugin has for it. */
function keyTable(rows: readonly (readonly [string, KeyRow])[], defaults: Readonly<Record<string, unknown>>): string[] {
  const cells = rows.map(([name, row]) => {
    const own = name.split(".").at(-1) ?? name;
    return `| ${keyCells(name, row, Object.hasOwn(defaults, own) ? defaults[own] : row.default).join(" | ")} |`;
  });
  return [...keyTableHead, ...cells, ""];
}

function keySections({ kind, name, keys, uses, defaults = {} }: NamedExtension): string[] {
  const own = Object.entries(keys ?? {}).map(([key, row]) => [`${kind}.${name}.${key}`, row] as const);
  const used = (uses ?? []).flatMap((path) => {
    const [table = "", key = ""] = path.split(".");
    const row = tables[table]?.[key];
    if (row === undefined) return [];
    const shown = table === "runtime" ? table : `${table}.${table === kind ? name : "<name>"}`;
    if (row.type !== "table") return [[`${shown}.${key}`, row] as const];
    return Object.entries(row.keys ?? {}).map(([inner, innerRow]) => [`${shown}.${key}.${inner}`, innerRow] as const);
  });
  if (own.length + used.length === 0) return ["It has no keys.", ""];
  return keyTable([...own, ...used], kind === "hypervisor" || kind === "agent" ? defaults : {});
}

/** The page of one built-in plugin. */
export function renderPlugin(
  extension: NamedExtension,
  { folder, summary }: PluginFolder,
  codes: readonly TabledCode[],
) {
  const { kind, name } = extension;
  const findings = findingNames(folder);
  const own = [...new Set(codes.filter(({ file }) => file.startsWith(`${folder}/`)).map(({ code }) => code))];
  return [
    `# ${kind}/${name}`,
    "",
    summary,
    "",
    `A built-in plugin of the kind [${kind}](${kind}.md), in [\`${folder}\`](../../${folder}). ${note}`,
    "",
    "## What it needs",
    "",
    findings.length === 0
      ? "Nothing of the host that `kata-ts check` looks for."
      : `\`kata-ts check\` says of the host: ${findings.map((finding) => `\`${finding}\``).join(", ")}.`,
    "",
    "## Keys it acts on",
    "",
    ...keySections(extension),
    "## Its errors",
    "",
    ...(own.length === 0 ? ["None of its own."] : own.map((code) => `- [${code}](../errors.md#${code.toLowerCase()})`)),
    "",
  ].join("\n");
}

/** What a kind is, how one of its plugins is chosen, and the file of its contract. */
interface KindPage {
  readonly summary: string;
  readonly chosen: string;
  readonly contract: string;
}

/** Every kind that core knows. */
export const kindPages: Readonly<Record<PluginKind, KindPage>> = {
  service: {
    summary: "A wire protocol that requests come by; one a process.",
    chosen: "By the program, which asks for it by name.",
    contract: "service",
  },
  handler: {
    summary: "What a sandbox and a container are, and who answers the requests for them; one a process.",
    chosen: "By its name at the key `runtime.name`.",
    contract: "runtime-handler",
  },
  hypervisor: {
    summary: "The virtual machine; one a sandbox.",
    chosen: "By its name at the key `runtime.hypervisor_name`.",
    contract: "hypervisor",
  },
  agent: {
    summary: "The runtime's side of what runs in the guest; one a sandbox.",
    chosen: "By its name at the key `runtime.agent_name`.",
    contract: "agent",
  },
  "share-fs": {
    summary: "Files of the host that the guest sees; one a sandbox.",
    chosen: 'By its name at the key `hypervisor.<name>.shared_fs`; `"none"` chooses none.',
    contract: "share-fs",
  },
  "network-model": {
    summary: "How the pod's links are joined with the machine's; one a sandbox that has a network.",
    chosen: "By its name at the key `runtime.internetworking_model`.",
    contract: "network-model",
  },
  endpoint: {
    summary: "A kind of link of a pod.",
    chosen: "By its `match`: each is asked how well it fits a link, and the best is taken.",
    contract: "endpoint",
  },
  rootfs: {
    summary: "A kind of root file system.",
    chosen: "By its `match`: each is asked how well it fits what a container's root is made of, and the best is taken.",
    contract: "rootfs",
  },
  volume: {
    summary: "A kind of mount of a container.",
    chosen: "By its `match`: each is asked how well it fits a mount, and the best is taken.",
    contract: "volume",
  },
  "block-driver": {
    summary: "How disks are plugged into a machine and found again in its guest; one a sandbox that has disks.",
    chosen: "By its name at the key `hypervisor.<name>.block_device_driver`.",
    contract: "block-driver",
  },
  cgroup: {
    summary: "A version of the host's cgroups.",
    chosen: "By its `match`: each is asked how well it fits the cgroups of the host, and the best is taken.",
    contract: "cgroup",
  },
};

const wins = [
  "The highest wins, whoever has it; 0 is for what a plugin does not take, and two that give the same are an error,",
  "[KATA_PLUGIN_TIE](../errors.md#kata_plugin_tie). Below stands what the built-in ones give for what they take: one of yours that",
  "gives more is taken in their place, one that gives less is taken where none of these fits.",
].join("\n");

/** The page of one kind; `scores` are those of its plugins where it is chosen by them, which stand in their order then. */
export function renderKind(
  kind: PluginKind,
  folders: ReadonlyMap<string, PluginFolder>,
  scores?: ReadonlyMap<string, number>,
): string {
  const { summary, chosen, contract } = kindPages[kind];
  const file = `src/core/contracts/${contract}.ts`;
  const rows = builtinExtensions
    .filter((one) => one.kind === kind)
    .toSorted((one, other) => (scores?.get(other.name) ?? 0) - (scores?.get(one.name) ?? 0))
    .map(({ name }) => {
      const text = folders.get(`${kind}/${name}`)?.summary ?? "";
      const score = scores === undefined ? "" : `${scores.get(name) ?? "?"} | `;
      return `| ${score}[${name}](${kind}-${name}.md) | ${text.replaceAll("|", "\\|").replaceAll("<", "\\<")} |`;
    });
  return [
    `# Plugins of the kind ${kind}`,
    "",
    `${summary} The contract is [\`${file}\`](../../${file}). ${note}`,
    "",
    "## How one is chosen",
    "",
    chosen,
    ...(scores === undefined ? [] : [wins]),
    "",
    "## Those that are built in",
    "",
    scores === undefined ? "| Plugin | What it is |" : "| Score | Plugin | What it is |",
    scores === undefined ? "|---|---|" : "|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

/** The list of all pages. */
export function renderPluginIndex(): string {
  const rows = Object.entries(kindPages).map(([kind, { summary }]) => `| [${kind}](${kind}.md) | ${summary} |`);
  const head = ["# Plugins", "", `The kinds there are, with a page each. ${note}`, ""];
  return [...head, "| Kind | What it is |", "|---|---|", ...rows, ""].join("\n");
}
