import { pluginErrors } from "./errors.js";
import { isPluginKind, kindTable } from "./kind-table.js";
import { formatPluginId } from "./kinds.js";
import type { LoadEntry } from "./load-tree.js";
import { OwnTime } from "./own-time.js";
import type { Registration } from "./registry.js";

/** One plugin that is being made, and who asked for it. */
export class Creation {
  readonly id: string;
  readonly time: OwnTime;
  settled = false;

  constructor(
    { id, origin }: Registration,
    ms: number,
    readonly entry: LoadEntry,
    readonly asker: Creation | undefined,
  ) {
    this.id = formatPluginId(id);
    const askedBy = asker === undefined ? "" : ` for ${asker.id}`;
    const context = `its "create", or its schema, does not end (${entry.where}${askedBy})`;
    this.time = new OwnTime({ ms, what: `plugin ${this.id} from ${origin} to be created`, context });
  }

  /** Throws `KATA_PLUGIN_CYCLE` when it is among those who wait for it. */
  assertNoCycle(): void {
    const path = [this.id];
    for (let one = this.asker; one !== undefined; one = one.asker) {
      path.unshift(one.id);
      if (!one.settled && one.id === this.id) {
        throw pluginErrors.KATA_PLUGIN_CYCLE({ path, creating: true });
      }
    }
  }

  /** Runs it; meanwhile those that wait for it use no time of theirs. */
  async run<T>(make: () => Promise<T>): Promise<T> {
    const waiting: OwnTime[] = [];
    for (let one = this.asker; one !== undefined; one = one.asker) if (!one.settled) waiting.push(one.time);
    for (const time of waiting) time.hold();
    try {
      return await this.time.run(make);
    } finally {
      this.settled = true;
      for (const time of waiting) time.release();
    }
  }
}

/** Throws `KATA_PLUGIN_RESULT` when what `create` gave is not what its kind's contract says. */
export function assertInstance({ id, origin }: Registration, instance: unknown): void {
  const fail = (problem: string) => pluginErrors.KATA_PLUGIN_RESULT({ id: formatPluginId(id), origin, problem });
  if (instance === undefined || instance === null) {
    throw fail(`${String(instance)} and not a ${id.kind}; has it no "return"?`);
  }
  if (!isPluginKind(id.kind)) return;
  if (typeof instance !== "object") throw fail(`a ${typeof instance} and not a ${id.kind}`);
  const methods = Object.keys(kindTable[id.kind].methods);
  const missing = methods.filter((name) => typeof (instance as Record<string, unknown>)[name] !== "function");
  if (missing.length > 0) throw fail(`an object that is no ${id.kind}: it has no method ${missing.join(", ")}`);
}
