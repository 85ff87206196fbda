import type { LogFields, LogLevel } from "../../../core/log.js";

/** A line of the guest's log. */
export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** Fields of one line that are taken over, and characters of each. */
const fieldLimit = 24;
const valueLimit = 1024;
const messageLimit = 4096;

/** Levels by what they begin with: Kata's agent writes `DEBG`, others `debug`. */
const levels: readonly (readonly [start: string, level: LogLevel])[] = [
  ["trac", "trace"],
  ["trce", "trace"],
  ["deb", "debug"],
  ["info", "info"],
  ["warn", "warn"],
  ["err", "error"],
  ["crit", "error"],
  ["fatal", "error"],
  ["panic", "error"],
];

/** What the logger of the host says itself, or what says nothing here. */
const dropped = new Set(["level", "msg", "ts", "pid", "name", "version"]);

const cut = (text: string, limit: number): string => (text.length > limit ? `${text.slice(0, limit)}…` : text);

function levelOf(value: unknown): LogLevel {
  const name = typeof value === "string" ? value.slice(0, 16).toLowerCase() : "";
  return levels.find(([start]) => name.startsWith(start))?.[1] ?? "info";
}

/**
 * One line of the guest's log. A line in the agent's form (a JSON object with `level` and `msg`) keeps its level and fields;
 * any other, a panic for example, is its own message at level `warn`. The guest writes what it likes: lengths and the number
 * of fields are limited, and a field is text, whatever it was.
 */
export function parseLogLine(line: string): LogRecord {
  const object = parseObject(line);
  if (object === undefined) return { level: "warn", message: cut(line, messageLimit), fields: {} };
  const fields: Record<string, string> = {};
  for (const [key, value] of Object.entries(object)) {
    if (dropped.has(key) || !/^[\w.-]{1,64}$/.test(key) || key === "__proto__") continue;
    if (Object.keys(fields).length === fieldLimit) break;
    fields[key] = cut(typeof value === "string" ? value : JSON.stringify(value), valueLimit);
  }
  const message = typeof object["msg"] === "string" ? object["msg"] : line;
  return { level: levelOf(object["level"]), message: cut(message, messageLimit), fields };
}

function parseObject(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
