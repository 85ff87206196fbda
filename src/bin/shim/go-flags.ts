import { shimErrors } from "./errors.js";

/** The flags a program knows: those that take a value, and those that are switched on. */
export interface FlagSet {
  readonly values: readonly string[];
  readonly switches: readonly string[];
}

/** What a command line said. */
export interface ParsedFlags {
  readonly values: ReadonlyMap<string, string>;
  readonly switches: ReadonlySet<string>;
  /** `-h` or `-help`, which Go knows without being told. */
  readonly help: boolean;
  readonly positional: readonly string[];
}

/** What Go's strconv.ParseBool takes. */
const booleans: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "TRUE", "true", "True"].map((text) => [text, true] as const),
  ...["0", "f", "F", "FALSE", "false", "False"].map((text) => [text, false] as const),
]);

const fault = (problem: string) => shimErrors.KATA_SHIM_FLAG({ problem });

/**
 * Parses a command line as Go's `flag` package does, for that is how containerd writes it: `-id x`, `--id x`, `-id=x`,
 * `-debug`, `-debug=false`; flags end at `--`, at `-` and at the first word without a dash. The last of equal flags counts.
 * What Go refuses is `KATA_SHIM_FLAG`, in Go's words.
 */
export function parseGoFlags(flags: FlagSet, args: readonly string[]): ParsedFlags {
  const values = new Map<string, string>();
  const switches = new Set<string>();
  let index = 0;
  const done = (help: boolean): ParsedFlags => ({ values, switches, help, positional: args.slice(index) });
  while (index < args.length) {
    const argument = args[index] ?? "";
    if (!argument.startsWith("-") || argument === "-") return done(false);
    index++;
    if (argument === "--") return done(false);
    const text = argument.slice(argument.startsWith("--") ? 2 : 1);
    if (text === "" || text.startsWith("-") || text.startsWith("=")) throw fault(`bad flag syntax: ${argument}`);
    const equals = text.indexOf("=");
    const name = equals < 0 ? text : text.slice(0, equals);
    const value = equals < 0 ? undefined : text.slice(equals + 1);
    if (flags.values.includes(name)) {
      const given = value ?? args[index++];
      if (given === undefined) throw fault(`flag needs an argument: -${name}`);
      values.set(name, given);
    } else if (flags.switches.includes(name)) {
      const on = value === undefined ? true : booleans.get(value);
      if (on === undefined) throw fault(`invalid boolean value ${JSON.stringify(value)} for -${name}: parse error`);
      if (on) switches.add(name);
      else switches.delete(name);
    } else if (name === "h" || name === "help") {
      return done(true);
    } else {
      throw fault(`flag provided but not defined: -${name}`);
    }
  }
  return done(false);
}
