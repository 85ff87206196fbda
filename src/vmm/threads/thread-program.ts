import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * The file of a thread's program, beside this one or beside the bundle that this is a part of: the whole program in one file,
 * as the build makes it, or its modules.
 */
export function threadProgram(name: "vcpu-thread" | "device-thread"): string {
  const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));
  const all = [beside(`./${name}.cjs`), beside(`./${name}.js`)];
  const found = all.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`the program of a thread is not installed: none of ${all.join(", ")}`);
  return found;
}
