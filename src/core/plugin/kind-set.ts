import { runtimeKeys } from "../config/keys/runtime.js";
import { pluginErrors } from "./errors.js";
import { isPluginKind, kindTable } from "./kind-table.js";
import { type Kind, type KindRef, kindName, type Selection } from "./kinds.js";

const unknownSelection: Selection = { by: "request" };

const keyPattern = /^runtime\.[a-z0-9_]+$/;

/** Says what keeps a value from defining a kind; undefined when nothing does. */
function kindProblem({ name, selection }: Kind): string | undefined {
  if (isPluginKind(name)) return `it is one of core's: write kind: "${name}"`;
  if (typeof selection !== "object" || !["key", "match", "request"].includes(selection.by)) {
    return `its selection is ${JSON.stringify(selection)}; it is { by: "key", key }, { by: "match", with } or { by: "request" }`;
  }
  if (selection.by !== "key") return undefined;
  const { key } = selection;
  if (!keyPattern.test(key)) return `its key is "${key}"; it is one of [runtime], such as "runtime.${name}"`;
  return Object.hasOwn(runtimeKeys, key.slice("runtime.".length)) ? `its key ${key} is core's` : undefined;
}

/** The kinds there are: those of core, and those that plugins have brought along. */
export class KindSet {
  readonly #defined = new Map<string, { readonly kind: Kind; readonly by: string }>();

  /** Takes over what a plugin says of its kind; `by` is that plugin. `KATA_PLUGIN_KIND` when it cannot be, or is otherwise. */
  add(kind: KindRef, by: string): void {
    if (typeof kind === "string") return;
    const problem = kindProblem(kind) ?? this.#conflict(kind);
    if (problem !== undefined) throw pluginErrors.KATA_PLUGIN_KIND({ kind: kind.name, by, problem });
    if (!this.#defined.has(kind.name)) this.#defined.set(kind.name, { kind, by });
  }

  /** What selects plugins of a kind: whoever asks, for a mere name that nobody has defined. */
  selection(kind: KindRef): Selection {
    const name = kindName(kind);
    if (isPluginKind(name)) return kindTable[name].selection;
    if (typeof kind !== "string") return kind.selection;
    return this.#defined.get(name)?.kind.selection ?? unknownSelection;
  }

  /** Kinds that plugins have brought along. */
  get defined(): readonly Kind[] {
    return [...this.#defined.values()].map(({ kind }) => kind);
  }

  #conflict({ name, selection }: Kind): string | undefined {
    const same = (other: Selection) => JSON.stringify(sorted(other)) === JSON.stringify(sorted(selection));
    const first = this.#defined.get(name);
    if (first !== undefined && !same(first.kind.selection)) {
      return `${first.by} says otherwise what selects it: ${JSON.stringify(first.kind.selection)}`;
    }
    const key = selection.by === "key" ? selection.key : undefined;
    for (const { kind, by } of this.#defined.values()) {
      const taken = kind.selection.by === "key" && kind.selection.key === key && kind.name !== name;
      if (taken) return `its key ${key} selects plugins of the kind "${kind.name}" already (${by})`;
    }
    return undefined;
  }
}

function sorted(selection: Selection): unknown {
  return Object.entries(selection).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
