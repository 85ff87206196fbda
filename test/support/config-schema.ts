import { createRequire } from "node:module";
import { renderJsonSchema } from "../../src/core/config/json-schema.js";
import { extensionsOf } from "../../src/core/config/plugin-schema.js";
import { Registry } from "../../src/core/plugin/registry.js";
import { builtins } from "../../src/plugins/builtins.js";

/** What the built-in plugins say about configuration. */
export const builtinExtensions = extensionsOf(registered());

function registered() {
  const registry = new Registry();
  for (const { plugin, origin } of builtins) registry.register(plugin, origin);
  return registry.list();
}

/** A check of values against a schema: false, with what is wrong in `errors`. */
export interface Validate {
  (value: unknown): boolean;
  readonly errors?: readonly { readonly instancePath: string; readonly message?: string }[] | null;
}

/** ajv, as far as it is used: it is a development package, loaded by those tests alone that need it. */
interface AjvModule {
  readonly Ajv2020: new (options: object) => { compile(schema: object): Validate };
}

/** Compiles a schema; one that is not right by draft 2020-12 throws. */
export function compileSchema(schema: object): Validate {
  const { Ajv2020 } = createRequire(import.meta.url)("ajv/dist/2020.js") as AjvModule;
  return new Ajv2020({ strict: true, strictTypes: false, allErrors: true }).compile(schema);
}

/** The schema of the configuration with all built-in plugins, as it is committed. */
export const builtinSchema = () => renderJsonSchema(builtinExtensions);
