import type { Values } from "./checked-tables.js";
import type { NamedExtension } from "./extension.js";
import { agentKeys } from "./keys/agent.js";
import { hypervisorKeys } from "./keys/hypervisor.js";
import { type KeyRow, type KeyTable, leftToPlugins } from "./keys/key.js";
import { runtimeKeys } from "./keys/runtime.js";

/** A table of the configuration as the reference and the template show it. */
interface Section {
  readonly title: string;
  readonly keys: KeyTable;
}

/** The sections of a key table: itself, then the tables inside it. */
function sectionsOf(title: string, keys: KeyTable): Section[] {
  const inner = Object.entries(keys).filter(([, row]) => row.type === "table");
  return [{ title, keys }, ...inner.flatMap(([name, row]) => sectionsOf(`${title}.${name}`, row.keys ?? {}))];
}

function tomlValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(", ")}]`;
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** What a row says beside its description: type, unit, range, names. */
function limitsOf(row: KeyRow): string[] {
  const limits: string[] = [];
  if (row.oneOf) limits.push(`one of ${row.oneOf.map(tomlValue).join(", ")}`);
  if (row.unit !== undefined) limits.push(`in ${row.unit}`);
  if (row.powerOfTwo) limits.push("a power of two or 0");
  // A floor of 0 and the width of an integer go without saying.
  if (row.min !== undefined && row.min !== 0) limits.push(`from ${row.min}`);
  if (row.max !== undefined && row.max < 0xffffffff) limits.push(`to ${row.max}`);
  if (row.aliases) limits.push(`also written ${row.aliases.join(", ")}`);
  if (row.deprecated) limits.push(`to be gone in version ${row.deprecated.removal}: ${row.deprecated.hint}`);
  return limits;
}

/** What a key's description does not say: its limits, and that it does nothing. */
export function noteOf(row: KeyRow): string {
  const limits = limitsOf(row);
  return (limits.length === 0 ? "" : ` (${limits.join("; ")})`) + effectOf(row);
}

function effectOf(row: KeyRow): string {
  if (row.effect === "implemented" || row.effect === leftToPlugins) return "";
  return ` No effect: ${row.effect.none}.`;
}

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("<", "\\<");

/** The cells of one key in a table of Markdown: name, type, default, meaning. */
export function keyCells(name: string, row: KeyRow, fallback: unknown = row.default): readonly string[] {
  const type = [row.type, ...limitsOf(row)].join("; ");
  const value = fallback === undefined ? "" : `\`${cell(tomlValue(fallback))}\``;
  return [`\`${name}\``, cell(type), value, cell(row.description + effectOf(row))];
}

/** The head of such a table. */
export const keyTableHead: readonly string[] = ["| Key | Type | Default | Meaning |", "|---|---|---|---|"];

function markdownTable({ title, keys }: Section): string {
  const rows = Object.entries(keys)
    .filter(([, row]) => row.type !== "table")
    .map(([name, row]) => `| ${keyCells(name, row).join(" | ")} |`);
  return [`### \`[${title}]\``, "", ...keyTableHead, ...rows, ""].join("\n");
}

/** The reference of every key of core's, in Markdown: a table each for `[runtime]`, a hypervisor and an agent. */
export function renderReference(): string {
  const sections = [
    ...sectionsOf("runtime", runtimeKeys),
    ...sectionsOf("hypervisor.<name>", hypervisorKeys),
    ...sectionsOf("agent.<name>", agentKeys),
  ];
  return sections.map(markdownTable).join("\n");
}

function templateSection({ title, keys }: Section, defaults: Values): string {
  const lines = Object.entries(keys).flatMap(([name, row]) => {
    const value = Object.hasOwn(defaults, name) ? defaults[name] : row.default;
    const isShown = row.effect === "implemented" || row.effect === leftToPlugins;
    if (row.type === "table" || row.type === "list of tables" || value === undefined || !isShown) return [];
    const limits = limitsOf(row);
    const comment = `# ${row.description}${limits.length === 0 ? "" : ` (${limits.join("; ")})`}`;
    return [comment, `#${name} = ${tomlValue(value)}`, ""];
  });
  return lines.length === 0 ? "" : [`[${title}]`, ...lines, ""].join("\n");
}

/** What a template is made for. */
export interface TemplateOptions {
  readonly hypervisor: string;
  readonly agent: string;
  /** What the plugins say about configuration. */
  readonly extensions: readonly NamedExtension[];
  /** Where editors find the JSON Schema: a path, from the template's own if it is relative, or a URL. */
  readonly schema: string;
}

/**
 * A configuration file for one hypervisor and agent that sets nothing: every key that can have an effect, as a comment, with
 * its default or that of the plugin. Its first line has editors complete and check it.
 */
export function renderTemplate({ hypervisor, agent, extensions, schema }: TemplateOptions): string {
  const render = (title: string, keys: KeyTable, kind: string, name: string) => {
    const extension = extensions.find((one) => one.kind === kind && one.name === name);
    const [first, ...inner] = sectionsOf(title, { ...keys, ...extension?.keys });
    const own = first ? templateSection(first, extension?.defaults ?? {}) : "";
    return own + inner.map((section) => templateSection(section, {})).join("");
  };
  const others = extensions.filter(({ kind }) => !["handler", "hypervisor", "agent"].includes(kind));
  const text = [
    `#:schema ${schema}\n`,
    `# kata-ts with the hypervisor ${hypervisor}. Every key here has its default; docs/configuration.md says more.\n\n`,
    render("runtime", runtimeKeys, "", ""),
    render(`hypervisor.${hypervisor}`, hypervisorKeys, "hypervisor", hypervisor),
    render(`agent.${agent}`, agentKeys, "agent", agent),
    ...others.map(({ kind, name }) => render(`${kind}.${name}`, {}, kind, name)),
  ];
  return text.join("").trimEnd().concat("\n");
}
