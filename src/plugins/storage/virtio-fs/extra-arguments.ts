/** The two programs called virtiofsd: QEMU's own in C (QEMU up to 7.2), and the one in Rust that replaced it. */
export type DaemonFlavour = "c" | "rust";

type Form = (value: string) => readonly string[];

/** An option that cannot weaken the sandbox or change what is shared, and how each program takes it. */
interface HarmlessOption {
  /** What its value looks like; absent for a flag. */
  readonly value?: RegExp;
  readonly c?: Form;
  readonly rust?: Form;
}

const legacyFlag =
  (name: string): Form =>
  () => ["-o", name];
const legacyValue =
  (name: string): Form =>
  (value) => ["-o", `${name}=${value}`];
const longFlag =
  (name: string): Form =>
  () => [`--${name}`];
const longValue =
  (name: string): Form =>
  (value) => [`--${name}=${value}`];

/** A flag that both have, in the forms usual for each. */
const flag = (name: string): HarmlessOption => ({ c: legacyFlag(name.replaceAll("-", "_")), rust: longFlag(name) });
const flagOfC = (name: string): HarmlessOption => ({ c: legacyFlag(name.replaceAll("-", "_")) });
const flagOfRust = (name: string): HarmlessOption => ({ rust: longFlag(name) });
const numberValue = /^\d{1,7}$/;

/**
 * All that `virtio_fs_extra_args` may hold. Everything else is refused by not being here: `source`, `sandbox`, `seccomp`,
 * `modcaps`, `socket-path`, `fd`, `uid-map`, `xattrmap`, and whatever a later version adds.
 */
const harmless: Readonly<Record<string, HarmlessOption>> = {
  "thread-pool-size": { value: numberValue, c: longValue("thread-pool-size"), rust: longValue("thread-pool-size") },
  "rlimit-nofile": { value: numberValue, c: longValue("rlimit-nofile"), rust: longValue("rlimit-nofile") },
  cache: {
    value: /^(none|never|auto|always|metadata)$/,
    c: (value) => ["-o", `cache=${value === "never" ? "none" : value}`],
    rust: (value) => [`--cache=${value === "none" ? "never" : value}`],
  },
  "log-level": {
    value: /^(err|error|warn|info|debug)$/,
    c: (value) => ["-o", `log_level=${value === "error" ? "err" : value}`],
    rust: (value) => [`--log-level=${value === "err" ? "error" : value}`],
  },
  "announce-submounts": flag("announce-submounts"),
  xattr: flag("xattr"),
  "posix-acl": flag("posix-acl"),
  writeback: flag("writeback"),
  "no-readdirplus": flag("no-readdirplus"),
  "allow-direct-io": flag("allow-direct-io"),
  "killpriv-v2": flag("killpriv-v2"),
  "no-killpriv-v2": flag("no-killpriv-v2"),
  "no-xattr": flagOfC("no-xattr"),
  "no-posix-acl": flagOfC("no-posix-acl"),
  "no-writeback": flagOfC("no-writeback"),
  readdirplus: flagOfC("readdirplus"),
  "no-allow-direct-io": flagOfC("no-allow-direct-io"),
  flock: flagOfC("flock"),
  "no-flock": flagOfC("no-flock"),
  "posix-lock": flagOfC("posix-lock"),
  "no-posix-lock": flagOfC("no-posix-lock"),
  timeout: { value: numberValue, c: legacyValue("timeout") },
  "max-idle-threads": { value: numberValue, c: legacyValue("max_idle_threads") },
  "no-announce-submounts": flagOfRust("no-announce-submounts"),
  "allow-mmap": flagOfRust("allow-mmap"),
  "preserve-noatime": flagOfRust("preserve-noatime"),
  "inode-file-handles": { value: /^(never|prefer|mandatory)$/, rust: longValue("inode-file-handles") },
};

/** One checked option: `name` as in Rust's long form. */
export interface ExtraOption {
  readonly name: string;
  readonly value: string;
  /** As it was written, for messages. */
  readonly written: string;
}

/** An argument that is not passed on, and why. */
export interface ArgumentComplaint {
  readonly argument: string;
  /** Completes "<argument> …". */
  readonly problem: string;
}

/** What a list of arguments came to. */
export interface ExtraArguments {
  readonly options: readonly ExtraOption[];
  readonly complaints: readonly ArgumentComplaint[];
}

/** Splits arguments as a command line does, into `name[=value]` of `--name`, `-o name,name` and their abbreviations. */
function* items(args: readonly string[]): Generator<{ item: string; written: string; next: () => string | undefined }> {
  const words = args.flatMap((arg) => arg.split(/\s+/)).filter((word) => word !== "");
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    const next = (): string | undefined => words[++i];
    if (word === "-o" || (word.startsWith("-o") && !word.startsWith("--"))) {
      const list = word === "-o" ? (next() ?? "") : word.slice(2);
      for (const item of list.split(",")) yield { item, written: `-o ${item}`, next: () => undefined };
    } else if (word === "-d" || word === "--debug") {
      yield { item: "log-level=debug", written: word, next };
    } else {
      yield { item: word.startsWith("--") ? word.slice(2) : "", written: word, next };
    }
  }
}

/** A pattern of this file in words. */
function wanted(pattern: RegExp): string {
  return pattern === numberValue ? "a number" : pattern.source.slice(2, -2).split("|").join(", ");
}

/** Checks `virtio_fs_extra_args` argument by argument; none is passed on that is not known to be harmless. */
export function parseExtraArguments(args: readonly string[]): ExtraArguments {
  const options: ExtraOption[] = [];
  const complaints: ArgumentComplaint[] = [];
  for (const { item, written, next } of items(args)) {
    const equals = item.indexOf("=");
    const name = (equals < 0 ? item : item.slice(0, equals)).replaceAll("_", "-");
    const option = Object.hasOwn(harmless, name) ? harmless[name] : undefined;
    if (option === undefined) {
      const known = Object.keys(harmless).join(", ");
      complaints.push({ argument: written, problem: `is not among the arguments known to be harmless: ${known}` });
      continue;
    }
    let value = equals < 0 ? undefined : item.slice(equals + 1);
    if (option.value === undefined) {
      if (value === undefined) options.push({ name, value: "", written });
      else complaints.push({ argument: written, problem: "takes no value" });
      continue;
    }
    value ??= next() ?? "";
    if (option.value.test(value)) options.push({ name, value, written });
    else
      complaints.push({
        argument: written,
        problem: `has the value ${JSON.stringify(value)}; it takes ${wanted(option.value)}`,
      });
  }
  return { options, complaints };
}

/** An option as a flavour of virtiofsd takes it; undefined when that one has nothing like it. */
export function argumentsOf(
  option: Pick<ExtraOption, "name" | "value">,
  flavour: DaemonFlavour,
): readonly string[] | undefined {
  return harmless[option.name]?.[flavour]?.(option.value);
}
