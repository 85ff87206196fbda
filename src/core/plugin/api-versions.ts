import type { DeprecatedUse, Deprecation } from "../deprecation.js";
import { pluginErrors } from "./errors.js";

/** A plugin of whatever version, before it is known to be one. */
type AnyPlugin = Readonly<Record<string, unknown>>;

/** A version of the contract `Plugin` that this runtime takes. */
export interface ApiVersion {
  readonly version: number;
  readonly deprecated?: Deprecation;
  /** Makes a plugin of this version one of the next; absent when it is one but for its number. */
  readonly adapt?: (plugin: AnyPlugin) => AnyPlugin;
}

/** Versions that a runtime takes, oldest first and without gaps; the last is what its own plugins are written for. */
export type ApiVersions = readonly [...ApiVersion[], ApiVersion];

/** What this runtime takes. `docs/stability.md` says how one comes and goes. */
export const apiVersions: ApiVersions = [{ version: 1 }];

const newestOf = (versions: ApiVersions): number => versions.at(-1)?.version ?? 0;

/** A value as the newest version has plugins. */
export interface Conformed {
  readonly value: unknown;
  /** Set when it is written for a version that is to go. */
  readonly deprecated?: DeprecatedUse;
}

const isObject = (value: unknown): value is AnyPlugin => typeof value === "object" && value !== null;

/** The name of what may not be a plugin. */
function nameOf({ kind, name }: AnyPlugin): string {
  const ofKind = isObject(kind) ? kind["name"] : kind;
  return `${String(ofKind)}/${String(name)}`;
}

function apiError(id: string, origin: string, api: unknown, versions: ApiVersions) {
  const oldest = versions[0].version;
  const newest = newestOf(versions);
  const supported = oldest === newest ? `API ${newest}` : `APIs ${oldest} to ${newest}`;
  const isNewer = typeof api === "number" && Number.isInteger(api) && api > newest;
  const cure = isNewer
    ? `install kata-ts ${api}.0.0 or newer, which has API ${api}`
    : `set api: ${newest}, or install a version of the package that is written for it`;
  return pluginErrors.KATA_PLUGIN_API({ id, api, origin, supported, cure });
}

/**
 * Has a plugin of a version that is taken be one of the newest, by its adapters. `KATA_PLUGIN_API` for a version that this
 * runtime is too old or too new for. What says no version is given back as it is: it may be no plugin at all.
 */
export function conform(value: unknown, origin: string, versions: ApiVersions = apiVersions): Conformed {
  if (!isObject(value) || !Number.isInteger(value["api"])) return { value };
  const api = value["api"];
  const id = nameOf(value);
  const at = versions.findIndex(({ version }) => version === api);
  const own = versions[at];
  if (own === undefined) throw apiError(id, origin, api, versions);
  let plugin = value;
  for (const { adapt, version } of versions.slice(at, -1)) {
    plugin = { ...(adapt?.(plugin) ?? plugin), api: version + 1 };
  }
  if (own.deprecated === undefined) return { value: plugin };
  const what = `plugin API ${own.version}, which plugin ${id} is written for,`;
  return { value: plugin, deprecated: { ...own.deprecated, what, where: origin } };
}

/** Checks what a plugin says of its version, once it is known to be one. */
export function checkApi(id: string, origin: string, api: unknown, versions: ApiVersions = apiVersions): void {
  if (api !== newestOf(versions)) throw apiError(id, origin, api, versions);
}
