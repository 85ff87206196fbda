import { object, record, string } from "../../plugins/services/task/json-shape.js";

const spec = object({}, { annotations: record(string) });

/** The annotations of a parsed `config.json`; what else is in it is checked when the container is created. */
export function checkAnnotations(what: string, config: unknown): Readonly<Record<string, string>> {
  spec(config, { what, field: "" });
  return (config as { annotations?: Record<string, string> }).annotations ?? {};
}
