import { checkValue } from "./check-value.js";
import type { PluginPackageList } from "./effective.js";
import { strings } from "./keys/key.js";
import type { TableNode } from "./node.js";
import type { Report } from "./report.js";

const row = strings([], "Packages of plugins to load, in the order in which they are registered.");

/** A package name of npm, with or without a scope. */
const packageName = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;

/** The top-level key `plugins`: names of packages and absolute paths; anything else goes to the report. */
export function packageList(root: TableNode, report: Report): PluginPackageList {
  const node = root.members.get("plugins");
  if (node === undefined) return { names: [], file: "", line: 0 };
  const checked = checkValue(row, node);
  if (!checked.ok) report.add(checked.code, "plugins", checked.problem, node.place);
  const names = checked.ok && Array.isArray(checked.value) ? checked.value.map(String) : [];
  for (const name of names) {
    if (packageName.test(name) || (name.startsWith("/") && !name.split("/").includes(".."))) continue;
    const problem = `has ${JSON.stringify(name)}; it takes names of packages, without a version, and absolute paths`;
    report.add("KATA_CONFIG_VALUE", "plugins", problem, node.place);
  }
  return { names, file: node.place.source.name, line: node.place.line };
}
