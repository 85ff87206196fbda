/** Overlay options with their lower directories relative to one directory. */
export interface RelativeOverlay {
  /** Where the process must stand while mounting. */
  readonly directory: string;
  readonly data: string;
}

/** Splits at separators that no backslash escapes. */
function splitUnescaped(text: string, separator: string): string[] {
  const parts = [""];
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? "";
    if (char === separator) parts.push("");
    else parts[parts.length - 1] += char === "\\" ? char + (text[++i] ?? "") : char;
  }
  return parts;
}

/**
 * Shortens the options of an overlay with many layers: the lower directories are told relative to the directory they
 * have in common, other paths stay absolute. Undefined when they have none in common, or are not absolute.
 */
export function relativeOverlay(data: string): RelativeOverlay | undefined {
  const options = splitUnescaped(data, ",");
  const index = options.findIndex((o) => o.startsWith("lowerdir="));
  const lowers = splitUnescaped(options[index]?.slice("lowerdir=".length) ?? "", ":");
  const first = lowers[0] ?? "";
  if (index < 0 || lowers.some((l) => !l.startsWith("/"))) return undefined;
  let end = first.lastIndexOf("/");
  while (end > 0 && !lowers.every((l) => l.startsWith(first.slice(0, end + 1)) && l.length > end + 1)) {
    end = first.lastIndexOf("/", end - 1);
  }
  const directory = first.slice(0, end);
  if (end <= 0 || directory.includes("\\")) return undefined;
  options[index] = `lowerdir=${lowers.map((l) => l.slice(end + 1)).join(":")}`;
  return { directory, data: options.join(",") };
}
