import type { NamedExtension } from "../../core/config/extension.js";
import { renderJsonSchema } from "../../core/config/json-schema.js";
import { extensionsOf } from "../../core/config/plugin-schema.js";
import { renderTemplate } from "../../core/config/reference.js";
import { describeError } from "../../core/errors/error.js";
import type { Runtime } from "../../core/runtime/runtime.js";
import { packageFile } from "./package-home.js";

/** The committed schema of the keys of all built-in plugins, as it lies in the package. */
const schemaFile = packageFile("config/configuration.schema.json");

/**
 * What all plugins say about configuration, those of packages too. A configuration that is broken is said to be so and does
 * not matter: what is printed here may be what its author needs.
 */
async function loadedExtensions(runtime: Runtime): Promise<NamedExtension[]> {
  try {
    await runtime.config();
  } catch (error) {
    process.stderr.write(`kata-ts: the configuration there is does not load: ${describeError(error)}\n`);
  }
  return extensionsOf(runtime.registry.list());
}

/** A commented configuration for one hypervisor, which sets nothing. */
export async function templateText(runtime: Runtime, hypervisor: string): Promise<string> {
  const extensions = await loadedExtensions(runtime);
  runtime.registry.find("hypervisor", hypervisor, "--hypervisor");
  return renderTemplate({ hypervisor, agent: "kata", extensions, schema: schemaFile });
}

/** The JSON Schema of configuration with these plugins. */
export async function schemaText(runtime: Runtime): Promise<string> {
  return `${JSON.stringify(renderJsonSchema(await loadedExtensions(runtime)), null, 2)}\n`;
}
