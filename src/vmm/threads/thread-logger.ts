import { describeError } from "../../core/errors/error.js";
import type { LogFields, Logger, LogLevel } from "../../core/log.js";

/** A line of a thread's log, as it goes to the thread that has the log. */
export interface ThreadLogLine {
  readonly kind: "log";
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** Errors do not go from thread to thread; their words do. */
const plain = (fields: LogFields): LogFields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? describeError(value) : value]),
  );

/** A logger whose lines are told to another thread. */
export function threadLogger(tell: (line: ThreadLogLine) => void, fields: LogFields = {}): Logger {
  const write = (level: LogLevel) => (message: string, more?: LogFields) =>
    tell({ kind: "log", level, message, fields: plain({ ...fields, ...more }) });
  return {
    trace: write("trace"),
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    child: (more) => threadLogger(tell, { ...fields, ...more }),
  };
}
