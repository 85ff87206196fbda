/** One text that configuration is read from. */
export interface Source {
  /** `file` is the configuration file itself, `drop-in` a file of the `config.d` beside it. */
  readonly kind: "file" | "drop-in";
  /** Absolute path. */
  readonly file: string;
  readonly text: string;
}

/** Where a key stands. Lines and columns count from 1; columns count UTF-16 units. */
export interface Place {
  readonly source: Source;
  readonly line: number;
  readonly column: number;
}

/** Where an effective value comes from. */
export type Origin =
  | { readonly kind: "default" }
  | { readonly kind: "file" | "drop-in"; readonly file: string; readonly line: number }
  | { readonly kind: "annotation"; readonly name: string }
  /** Set by the program itself: a command line flag, or the embedder. `name` is what the user wrote. */
  | { readonly kind: "override"; readonly name: string };

/** An origin for people: `default`, `/etc/…/configuration.toml:12`, `annotation io.katacontainers.…`. */
export function formatOrigin(origin: Origin): string {
  if (origin.kind === "default") return "default";
  if (origin.kind === "annotation") return `annotation ${origin.name}`;
  if (origin.kind === "override") return origin.name;
  return `${origin.kind === "drop-in" ? "drop-in " : ""}${origin.file}:${origin.line}`;
}

/** The origin of what stands at a place. */
export function originOf(place: Place): Origin {
  return { kind: place.source.kind, file: place.source.file, line: place.line };
}
