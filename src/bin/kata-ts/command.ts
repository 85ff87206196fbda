import { defineErrors, messageOf } from "../../core/errors/error.js";

export const commandErrors = defineErrors({
  KATA_USAGE: {
    status: "INVALID_ARGUMENT",
    message: (p: { problem: string; usage: string }) => `${p.problem}; usage: ${p.usage}`,
  },
  KATA_USAGE_KIND: {
    status: "NOT_FOUND",
    message: (p: { kind: string; kinds: readonly string[] }) =>
      `there is no template for plugins of the kind ${JSON.stringify(p.kind)}; there are: ${p.kinds.join(", ")}`,
  },
  KATA_USAGE_NAME: {
    status: "INVALID_ARGUMENT",
    message: (p: { name: string }) =>
      `${JSON.stringify(p.name)} is no name for a plugin: it begins with a small letter, and has small letters, digits and dashes, 40 at most`,
  },
  KATA_USAGE_EXISTS: {
    status: "ALREADY_EXISTS",
    message: (p: { path: string }) => `${p.path} is there already; name another directory by --directory`,
  },
  KATA_USAGE_ROOTFS: {
    status: "NOT_FOUND",
    message: (p: { path: string; problem: string }) =>
      `ROOTFS ${JSON.stringify(p.path)} ${p.problem}; give the directory of a root file system, one that holds bin, etc and so on`,
  },
  KATA_VOLUME_NOWHERE: {
    status: "NOT_FOUND",
    message: (p: { source: string; run: string; silent: readonly string[] }) =>
      `no container of a shim below ${p.run} has a volume of ${p.source} that a CSI driver has assigned` +
      (p.silent.length === 0 ? "" : `; the shims of ${p.silent.join(", ")} do not answer`),
  },
});

/** One command of the program. */
export interface Command {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  /** Gives the exit status. */
  run(args: readonly string[]): Promise<number>;
}

/** What `parse`, a call of `util.parseArgs`, gives; what it finds wrong becomes `KATA_USAGE`. */
export function orUsage<T>(usage: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw commandErrors.KATA_USAGE({ problem: messageOf(error).split("\n")[0] ?? "", usage }, { cause: error });
  }
}

/** Splits `before -- after`; `after` is undefined without `--`. */
export function splitAtDashes(args: readonly string[]): {
  before: readonly string[];
  after: readonly string[] | undefined;
} {
  const at = args.indexOf("--");
  return at < 0 ? { before: args, after: undefined } : { before: args.slice(0, at), after: args.slice(at + 1) };
}
