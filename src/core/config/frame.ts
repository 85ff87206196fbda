import type { Place } from "./source.js";

/** Characters of a line that are shown, at most. */
const shown = 160;

/**
 * The offending line with a mark below it:
 * ```
 *    12 | default_memry = 2048
 *       | ^^^^^^^^^^^^^^^^^^^^
 * ```
 * Control characters are shown as `·`; long lines are cut.
 */
export function drawFrame({ source, line, column, length }: Place): string {
  const text = source.text.split(/\r?\n/, line)[line - 1] ?? "";
  const start = Math.max(0, Math.min(column - 1, column + length - shown));
  const visible = text.slice(start, start + shown).replace(/\p{Cc}/gu, (c) => (c === "\t" ? " " : "·"));
  const number = String(line).padStart(5);
  const marks = Math.max(1, Math.min(length, shown - (column - 1 - start)));
  return `${number} | ${visible}\n      | ${" ".repeat(column - 1 - start)}${"^".repeat(marks)}`;
}
