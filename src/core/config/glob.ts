const special = /[.+^${}()|\\]/;

/** A pattern as a regular expression; undefined when a `[` is not closed. */
function toRegExp(pattern: string): RegExp | undefined {
  let source = "";
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern.charAt(i);
    if (c === "*") {
      const isDeep = pattern[i + 1] === "*";
      source += isDeep ? ".*" : "[^/]*";
      if (isDeep) i += 1;
    } else if (c === "?") source += "[^/]";
    else if (c === "[") {
      const close = pattern.indexOf("]", i + 2);
      if (close < 0) return undefined;
      const negated = pattern[i + 1] === "!";
      const set = pattern.slice(i + (negated ? 2 : 1), close).replaceAll(/[\\\]^]/g, "\\$&");
      source += `(?!/)[${negated ? "^" : ""}${set}]`;
      i = close;
    } else source += special.test(c) ? `\\${c}` : c;
  }
  try {
    return new RegExp(`^${source}$`, "s");
  } catch {
    return undefined;
  }
}

/**
 * Whether a path fits a pattern as glob(3) has them: `*`, `?` and `[…]` stay within one part of the path, `**` crosses parts.
 * A pattern that is none matches nothing.
 */
export function matchesGlob(pattern: string, path: string): boolean {
  return toRegExp(pattern)?.test(path) ?? false;
}
