import { virtioFsErrors } from "./errors.js";
import { argumentsOf, type DaemonFlavour, type ExtraOption } from "./extra-arguments.js";

/** How the daemon is kept from the rest of the host; there is no form without. */
export type SandboxMode = "namespace" | "chroot";

/** What a daemon is told. */
export interface DaemonCommand {
  readonly flavour: DaemonFlavour;
  /** Number under which it finds the listening socket. */
  readonly fd: number;
  /** Directory it shares. */
  readonly source: string;
  readonly sandbox: SandboxMode;
  /** What the guest may cache. */
  readonly cache: "never" | "auto" | "always";
  readonly extra: readonly ExtraOption[];
  /** Where `extra` is written, for the error. */
  readonly where: string;
}

/**
 * The daemon's arguments. It is always sandboxed and always under seccomp: C's has it built in, Rust's is told to kill.
 * `KATA_VIRTIOFS_ARGUMENT` when an extra option is one that this flavour does not have.
 */
export function daemonArguments(command: DaemonCommand): string[] {
  const { flavour, fd, source, sandbox, extra, where } = command;
  const cache = extra.some((option) => option.name === "cache")
    ? []
    : [{ name: "cache", value: command.cache, written: "" }];
  const options = [...cache, ...extra].flatMap((option) => {
    const args = argumentsOf(option, flavour);
    if (args !== undefined) return args;
    const problem = `is not an option of the virtiofsd in ${flavour === "c" ? "C" : "Rust"}, which is the one found`;
    throw virtioFsErrors.KATA_VIRTIOFS_ARGUMENT({ argument: option.written, problem, where });
  });
  if (flavour === "rust")
    return [`--fd=${fd}`, "--shared-dir", source, "--sandbox", sandbox, "--seccomp", "kill", ...options];
  if (source.includes(",")) throw virtioFsErrors.KATA_VIRTIOFS_SOURCE({ path: source });
  return ["-f", `--fd=${fd}`, "-o", `source=${source}`, "-o", `sandbox=${sandbox}`, ...options];
}
