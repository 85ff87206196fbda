import { describeError } from "../../../src/core/errors/error.js";
import { type LogFields, type Logger, type LogLevel, logLevels } from "../../../src/core/log.js";

/** Receives finished lines without their newline, and how serious they are. */
export type AgentLogSink = (level: LogLevel, line: string) => void;

/** Levels as Kata's agent writes them. */
const shortNames: Readonly<Record<LogLevel, string>> = {
  trace: "TRCE",
  debug: "DEBG",
  info: "INFO",
  warn: "WARN",
  error: "ERRO",
};

function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  return value instanceof Error ? describeError(value) : value;
}

/** A logger that writes lines in the form of Kata's agent: JSON objects with `level`, `msg`, `ts`, `name`, `source`. */
export function createAgentLog(sink: AgentLogSink, level: LogLevel, fields: LogFields = {}): Logger {
  const least = logLevels.indexOf(level);
  const write = (at: LogLevel) => (msg: string, more?: LogFields) => {
    if (logLevels.indexOf(at) < least) return;
    const line = { level: shortNames[at], msg, ts: new Date().toISOString(), name: "kata-agent", source: "agent" };
    sink(at, JSON.stringify({ ...line, ...fields, ...more }, plain));
  };
  return {
    trace: write("trace"),
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    child: (more) => createAgentLog(sink, level, { ...fields, ...more }),
  };
}
