import { defineErrors } from "../errors/error.js";

/** Quoted, because a plugin may well be called "none". */
const list = (names: readonly string[]) =>
  names.length === 0 ? "none" : names.map((name) => JSON.stringify(name)).join(", ");

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
  KATA_PLUGIN_DUPLICATE: {
    status: "ALREADY_EXISTS",
    message: (p: { id: string; first: string; second: string }) =>
      `plugin ${p.id} from ${p.second} is registered already, from ${p.first}`,
  },
  KATA_PLUGIN_FROZEN: {
    status: "FAILED_PRECONDITION",
    message: (p: { id: string }) => `plugin ${p.id} comes too late: plugins are registered before the first is created`,
  },
  KATA_PLUGIN_UNKNOWN: {
    status: "NOT_FOUND",
    message: (p: { kind: string; name: string; there: readonly string[]; where: string }) =>
      `no ${p.kind} plugin "${p.name}" (${p.where}); there are: ${list(p.there)}`,
  },
  KATA_PLUGIN_LOAD: {
    status: "FAILED_PRECONDITION",
    message: (p: { package: string; where: string; problem: string }) =>
      `cannot load the plugin package "${p.package}" named in ${p.where}: ${p.problem}`,
  },
  KATA_PLUGIN_CONFIG: {
    status: "INVALID_ARGUMENT",
    message: (p: { id: string; issues: readonly string[] }) =>
      `the configuration of plugin ${p.id} is not valid: ${p.issues.join("; ")}`,
  },
  KATA_PLUGIN_CREATE: {
    status: "INTERNAL",
    message: (p: { id: string; origin: string }) => `plugin ${p.id} from ${p.origin} could not be created`,
  },
  KATA_PLUGIN_CYCLE: {
    status: "FAILED_PRECONDITION",
    message: (p: { path: readonly string[] }) => `plugins require each other in a circle: ${p.path.join(" → ")}`,
  },
  KATA_PLUGIN_NO_MATCH: {
    status: "UNIMPLEMENTED",
    message: (p: { kind: string; input: string; there: readonly string[] }) =>
      `no ${p.kind} plugin takes ${p.input}; there are: ${list(p.there)}`,
  },
  KATA_PLUGIN_TIE: {
    status: "FAILED_PRECONDITION",
    message: (p: { kind: string; input: string; tied: readonly string[] }) =>
      `the ${p.kind} plugins ${list(p.tied)} all take ${p.input} equally well; remove one of them`,
  },
});
