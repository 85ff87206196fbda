import { defineErrors } from "../errors/error.js";

/** Quoted, because a plugin may well be called "none". */
const list = (names: readonly string[]) =>
  names.length === 0 ? "none" : names.map((name) => JSON.stringify(name)).join(", ");

/** One that was left out, and why. */
export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

/** Those that were left out, as the end of a message. */
export function formatSkipped(skipped: readonly Skipped[]): string {
  if (skipped.length === 0) return "";
  return `; left out: ${skipped.map(({ name, reason }) => `${JSON.stringify(name)} (${reason})`).join(", ")}`;
}

export const pluginErrors = defineErrors({
  KATA_PLUGIN_API: {
    status: "FAILED_PRECONDITION",
    message: (p: { id: string; api: unknown; origin: string; supported: string; cure: string }) =>
      `plugin ${p.id} from ${p.origin} is written for plugin API ${JSON.stringify(p.api)}; this runtime has ${p.supported}: ${p.cure}`,
  },
  KATA_PLUGIN_SHAPE: {
    status: "INVALID_ARGUMENT",
    message: (p: { origin: string; problem: string }) =>
      `${p.origin} is not a plugin: ${p.problem}; a plugin is { api: 1, kind, name, config, create }`,
  },
  KATA_PLUGIN_KIND: {
    status: "INVALID_ARGUMENT",
    message: (p: { kind: string; by: string; problem: string }) =>
      `${p.by} cannot define the kind "${p.kind}": ${p.problem}`,
  },
  KATA_PLUGIN_DUPLICATE: {
    status: "ALREADY_EXISTS",
    message: (p: { id: string; first: string; second: string }) =>
      `plugin ${p.id} from ${p.second} is registered already, from ${p.first}; give one of them another name, or leave it out`,
  },
  KATA_PLUGIN_FROZEN: {
    status: "FAILED_PRECONDITION",
    message: (p: { id: string; origin: string }) =>
      `plugin ${p.id} from ${p.origin} comes too late: plugins are registered before the first is created; name its package in the configuration that this process begins with`,
  },
  KATA_PLUGIN_UNKNOWN: {
    status: "NOT_FOUND",
    message: (p: { kind: string; name: string; there: readonly string[]; where: string; hint?: string }) =>
      `no ${p.kind} plugin "${p.name}" (${p.where}); there are: ${list(p.there)}${p.hint ?? ""}`,
  },
  KATA_PLUGIN_LOAD: {
    status: "FAILED_PRECONDITION",
    message: (p: { package: string; where: string; problem: string }) =>
      `cannot load the plugin package "${p.package}" named in ${p.where}: ${p.problem}`,
  },
  KATA_PLUGIN_CONFIG: {
    status: "INVALID_ARGUMENT",
    message: (p: { id: string; origin: string; where: string; issues: readonly string[] }) =>
      `the configuration of plugin ${p.id} is not valid: ${p.issues.join("; ")} (${p.where}; the plugin is from ${p.origin})`,
  },
  KATA_PLUGIN_SCHEMA: {
    status: "INTERNAL",
    message: (p: { id: string; origin: string; where: string; problem: string }) =>
      `the schema of plugin ${p.id} from ${p.origin} ${p.problem} when it was given ${p.where}; a schema answers with { value } or { issues }`,
  },
  KATA_PLUGIN_CREATE: {
    status: "INTERNAL",
    message: (p: { id: string; origin: string; where: string }) =>
      `plugin ${p.id} from ${p.origin} could not be created (${p.where})`,
  },
  KATA_PLUGIN_RESULT: {
    status: "INTERNAL",
    message: (p: { id: string; origin: string; problem: string }) =>
      `"create" of plugin ${p.id} from ${p.origin} gave ${p.problem}`,
  },
  KATA_PLUGIN_MATCH: {
    status: "INTERNAL",
    message: (p: { id: string; origin: string; problem: string }) =>
      `"match" of plugin ${p.id} from ${p.origin} ${p.problem}; it gives a number, 0 when nothing fits, and throws nothing`,
  },
  KATA_PLUGIN_CYCLE: {
    status: "FAILED_PRECONDITION",
    message: (p: { path: readonly string[]; creating?: boolean }) => {
      const [how, when] = p.creating ? ["wait for", " while they are created"] : ["require", ""];
      return `plugins ${how} each other in a circle${when}: ${p.path.join(" → ")}`;
    },
  },
  KATA_PLUGIN_LATE: {
    status: "INTERNAL",
    message: (p: { id: string; origin: string; sandbox: string }) =>
      `plugin ${p.id} from ${p.origin} threw an error that nobody caught; the sandbox "${p.sandbox}", which it belongs to, ends with it`,
  },
  KATA_CAPABILITY: {
    status: "UNIMPLEMENTED",
    message: (p: { part: string; capability: string; what: string }) =>
      `${p.what} needs the capability "${p.capability}", which ${p.part} does not have`,
  },
  KATA_PLUGIN_NO_MATCH: {
    status: "UNIMPLEMENTED",
    message: (p: { kind: string; input: string; there: readonly string[]; skipped?: string }) =>
      `no ${p.kind} plugin takes ${p.input}; there are: ${list(p.there)}${p.skipped ?? ""}`,
  },
  KATA_PLUGIN_TIE: {
    status: "FAILED_PRECONDITION",
    message: (p: { kind: string; input: string; tied: readonly string[] }) =>
      `the ${p.kind} plugins ${list(p.tied)} all take ${p.input} equally well; remove one of them`,
  },
});
