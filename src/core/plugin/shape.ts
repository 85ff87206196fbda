import { kindName, type KindRef } from "./kinds.js";

const namePattern = /^[a-z0-9][a-z0-9_-]*$/;
const nameRule = "a name has lower case letters, digits, - and _";

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

const shown = (value: unknown) => (value === undefined ? "missing" : JSON.stringify(value));

/** Says what keeps a value from being a plugin; undefined when it is one. */
export function shapeProblem(value: unknown): string | undefined {
  if (!isObject(value)) return `it is ${value === null ? "null" : `a ${typeof value}`}`;
  const { kind, name, config, create, requires, check } = value;
  const ofKind = isObject(kind) ? kind["name"] : kind;
  if (typeof ofKind !== "string" || !namePattern.test(ofKind)) return `"kind" is ${shown(kind)}; ${nameRule}`;
  if (typeof name !== "string" || !namePattern.test(name)) return `"name" is ${shown(name)}; ${nameRule}`;
  const id = `${kindName(kind as KindRef)}/${name}`;
  if (typeof create !== "function") return `"create" of ${id} is not a function`;
  if (!isSchema(config)) return `"config" of ${id} is not a Standard Schema, nor noConfig`;
  if (check !== undefined && typeof check !== "function") return `"check" of ${id} is not a function`;
  const isId = (one: unknown) => isObject(one) && typeof one["kind"] === "string" && typeof one["name"] === "string";
  const isList = requires === undefined || (Array.isArray(requires) && requires.every(isId));
  return isList ? undefined : `"requires" of ${id} is not a list of { kind, name }`;
}

function isSchema(config: unknown): boolean {
  if ((typeof config !== "object" && typeof config !== "function") || config === null) return false;
  const standard = "~standard" in config ? config["~standard"] : undefined;
  return isObject(standard) && typeof standard["validate"] === "function";
}
