/** Severity of a log line, least first. */
export const logLevels = ["trace", "debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Structured values of a log line. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where the parts of the runtime write what they do. An embedder may pass its own. */
export interface Logger {
  trace(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to every line. */
  child(fields: LogFields): Logger;
}

/** Receives finished lines, each without its newline. */
export type LogSink = (line: string) => void;

const bare = /^[\w./:@+-]+$/;

const plain = (_key: string, value: unknown): unknown => (typeof value === "bigint" ? value.toString() : value);

function formatValue(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  const text = typeof value === "string" ? value : (JSON.stringify(value, plain) ?? "undefined");
  return bare.test(text) ? text : JSON.stringify(text);
}

/** Renders one line the way containerd's own log looks, so that both read well in one journal. */
export function formatLine(time: Date, level: LogLevel, message: string, fields: LogFields): string {
  let line = `time="${time.toISOString()}" level=${level === "warn" ? "warning" : level} msg=${JSON.stringify(message)}`;
  for (const [key, value] of Object.entries(fields)) if (value !== undefined) line += ` ${key}=${formatValue(value)}`;
  return line;
}

/** A logger that writes lines of `level` and above to `sink`. */
export function createLogger(sink: LogSink, level: LogLevel = "info", fields: LogFields = {}): Logger {
  const least = logLevels.indexOf(level);
  const write = (at: LogLevel) => (message: string, more?: LogFields) => {
    if (logLevels.indexOf(at) >= least) sink(formatLine(new Date(), at, message, { ...fields, ...more }));
  };
  return {
    trace: write("trace"),
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    child: (more) => createLogger(sink, level, { ...fields, ...more }),
  };
}

/** A logger that drops everything. */
export const silentLogger: Logger = createLogger(() => undefined, "error");
