import { guestPorts } from "../../src/core/contracts/guest-address.js";
import type { LogLevel } from "../../src/core/log.js";

/** What the kernel command line tells the agent (`agent.*`). */
export interface AgentOptions {
  readonly logLevel: LogLevel;
  /** Port of the agent's service. */
  readonly port: number;
  /** Port that gives the log; 0 for none. */
  readonly logPort: number;
  /** Milliseconds a device may take to appear. */
  readonly hotplugTime: number;
  /** Words that mean nothing here, or whose value cannot be used. */
  readonly ignored: readonly string[];
}

const levels: Readonly<Record<string, LogLevel>> = {
  trace: "trace",
  debug: "debug",
  info: "info",
  warn: "warn",
  warning: "warn",
  error: "error",
  critical: "error",
  fatal: "error",
  panic: "error",
};

type Writable = { -readonly [K in keyof AgentOptions]: AgentOptions[K] };

/** Takes one option's value; false when it cannot be used. */
type Setter = (options: Writable, value: string) => boolean;

function wholeNumber(text: string, most: number): number | undefined {
  return /^\d{1,10}$/.test(text) && Number(text) <= most ? Number(text) : undefined;
}

const setters: Readonly<Record<string, Setter>> = {
  log(options, value) {
    const level = Object.hasOwn(levels, value) ? levels[value] : undefined;
    if (level !== undefined) options.logLevel = level;
    return level !== undefined;
  },
  log_vport(options, value) {
    const port = wholeNumber(value, 0xfffffffe);
    if (port !== undefined) options.logPort = port;
    return port !== undefined;
  },
  server_addr(options, value) {
    const port = wholeNumber(/^vsock:\/\/-1:(\d+)$/.exec(value)?.[1] ?? "", 0xfffffffe);
    if (port !== undefined && port > 0) options.port = port;
    return port !== undefined && port > 0;
  },
  hotplug_timeout(options, value) {
    const seconds = wholeNumber(value, 3600);
    if (seconds !== undefined) options.hotplugTime = seconds * 1000;
    return seconds !== undefined;
  },
};

/** Reads the kernel command line. A word that is not understood is never an error: the guest has to come up. */
export function parseAgentOptions(commandLine: string): AgentOptions {
  const options: Writable = {
    logLevel: "info",
    port: guestPorts.agent,
    logPort: guestPorts.log,
    hotplugTime: 3000,
    ignored: [],
  };
  const ignored: string[] = [];
  for (const word of commandLine.trim().split(/\s+/)) {
    if (!word.startsWith("agent.")) continue;
    const [name = "", ...rest] = word.slice("agent.".length).split("=");
    const value = rest.join("=").replace(/^"(.*)"$/, "$1");
    const set = Object.hasOwn(setters, name) ? setters[name] : undefined;
    if (set === undefined || !set(options, value)) ignored.push(word);
  }
  return { ...options, ignored };
}
