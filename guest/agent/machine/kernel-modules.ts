import { existsSync, readFileSync } from "node:fs";
import { agentErrors, badArgument } from "../errors.js";
import type { Programs } from "../programs.js";
import type { AgentRoots } from "../roots.js";

const places = ["/sbin/modprobe", "/usr/sbin/modprobe", "/bin/modprobe"];

/** Names of modules whose file system is called otherwise. */
const moduleOf: Readonly<Record<string, string>> = { fuse: "fuse", virtiofs: "virtiofs", hugetlbfs: "" };

/** Loads kernel modules when they are needed, each once. */
export class KernelModules {
  readonly #programs: Programs;
  readonly #roots: Pick<AgentRoots, "proc">;
  readonly #loads = new Map<string, Promise<void>>();

  constructor(programs: Programs, roots: Pick<AgentRoots, "proc">) {
    this.#programs = programs;
    this.#roots = roots;
  }

  /** modprobe(8). `KATA_GUEST_MODULE` with its words when the module does not exist or refuses. */
  load(name: string, parameters: readonly string[] = []): Promise<void> {
    if (!/^[\w][\w-]*$/.test(name)) throw badArgument("the name of a kernel module", name, "letters, digits, _ and -");
    for (const parameter of parameters) {
      if (!/^[\w.-]*\w=?/.test(parameter) || parameter.startsWith("-")) {
        throw badArgument(`a parameter of the kernel module "${name}"`, parameter, "`name=value`");
      }
    }
    const key = [name, ...parameters].join(" ");
    let load = this.#loads.get(key);
    if (load === undefined) {
      load = this.#run(name, parameters);
      // A failure is not remembered: the next who needs the module may be luckier, with a device that has come.
      load.catch(() => this.#loads.delete(key));
      this.#loads.set(key, load);
    }
    return load;
  }

  /** Makes a file system known to the kernel; one that it has already costs nothing. */
  async loadFileSystem(type: string): Promise<void> {
    const known = readFileSync(`${this.#roots.proc}/filesystems`, "latin1").split("\n");
    if (known.some((line) => line.split("\t").at(-1) === type)) return;
    const name = Object.hasOwn(moduleOf, type) ? moduleOf[type] : type;
    if (name !== undefined && name !== "") await this.load(name);
  }

  async #run(name: string, parameters: readonly string[]): Promise<void> {
    const file = places.find((place) => existsSync(place)) ?? "/sbin/modprobe";
    try {
      await this.#programs.run({ file, args: [name, ...parameters] });
    } catch (cause) {
      throw agentErrors.KATA_GUEST_MODULE({ name }, { cause });
    }
  }
}
