/** One text that configuration is read from. */
export interface Source {
  /**
   * `file` is the configuration file itself, `drop-in` a file of the `config.d` beside it, `annotation` the value of one
   * annotation of a pod, `override` what the program itself sets: a command line flag, or the embedder.
   */
  readonly kind: "file" | "drop-in" | "annotation" | "override";
  /** Absolute path of a file; the annotation's whole name; what the user wrote, `--hypervisor`. */
  readonly name: string;
  readonly text: string;
}

/** Where a key stands. Lines and columns count from 1; columns and `length` count UTF-16 units. */
export interface Place {
  readonly source: Source;
  readonly line: number;
  readonly column: number;
  /** Length of the key with its value, as far as they stand on this line. */
  readonly length: number;
}

/** Where an effective value comes from. */
export type Origin =
  | { readonly kind: "default" }
  | { readonly kind: "file" | "drop-in"; readonly file: string; readonly line: number }
  | { readonly kind: "annotation" | "override"; readonly name: string };

/** An origin for people: `default`, `/etc/…/configuration.toml:12`, `annotation io.katacontainers.…`. */
export function formatOrigin(origin: Origin): string {
  if (origin.kind === "default") return "default";
  if ("name" in origin) return origin.kind === "annotation" ? `annotation ${origin.name}` : origin.name;
  return `${origin.kind === "drop-in" ? "drop-in " : ""}${origin.file}:${origin.line}`;
}

/** A key and where its value comes from, for the errors of what it chose: `runtime.agent_name, /etc/…:12`. */
export function formatChoice(config: { origin(key: string): Origin }, key: string): string {
  return `${key}, ${formatOrigin(config.origin(key))}`;
}

/** The origin of what stands at a place. */
export function originOf({ source, line }: Place): Origin {
  return source.kind === "file" || source.kind === "drop-in"
    ? { kind: source.kind, file: source.name, line }
    : { kind: source.kind, name: source.name };
}

/** A place for people: `/etc/…/configuration.toml:12`, `annotation io.katacontainers.…`. */
export function formatPlace(place: Place): string {
  const origin = originOf(place);
  return formatOrigin(origin.kind === "drop-in" ? { ...origin, kind: "file" } : origin);
}
