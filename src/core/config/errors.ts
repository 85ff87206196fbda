import { defineErrors } from "../errors/error.js";

/** What is said of one key: where it stands, its dotted name, what is wrong, and the offending line with a mark. */
interface KeyProblem {
  readonly where: string;
  readonly key: string;
  readonly problem: string;
  readonly frame: string;
}

const keyMessage = (p: KeyProblem) => `${p.where}: ${p.key} ${p.problem}${p.frame === "" ? "" : `\n${p.frame}`}`;

const list = (names: readonly string[]) => names.join(", ");

export const configErrors = defineErrors({
  KATA_CONFIG_READ: {
    status: "FAILED_PRECONDITION",
    message: (p: { file: string; asked: string; problem: string }) =>
      `cannot read the configuration file ${p.file} (${p.asked}): ${p.problem}`,
  },
  KATA_CONFIG_UNTRUSTED: {
    status: "PERMISSION_DENIED",
    message: (p: { file: string; asked: string; problem: string }) =>
      `the configuration file ${p.file} (${p.asked}) is not used: ${p.problem}; it must belong to root, as must its directories, and nobody else may write there`,
  },
  KATA_CONFIG_DROP_IN: {
    status: "FAILED_PRECONDITION",
    message: (p: { file: string; problem: string }) => `cannot use the drop-in ${p.file}: ${p.problem}`,
  },
  KATA_CONFIG_SYNTAX: {
    status: "INVALID_ARGUMENT",
    message: (p: { where: string; reason: string; frame: string }) => `${p.where}: not TOML: ${p.reason}\n${p.frame}`,
  },
  KATA_CONFIG_UNKNOWN_KEY: { status: "INVALID_ARGUMENT", message: keyMessage },
  KATA_CONFIG_TYPE: { status: "INVALID_ARGUMENT", message: keyMessage },
  KATA_CONFIG_VALUE: { status: "INVALID_ARGUMENT", message: keyMessage },
  KATA_CONFIG_FILE_MISSING: { status: "NOT_FOUND", message: keyMessage },
  KATA_CONFIG_PLUGIN: { status: "INVALID_ARGUMENT", message: keyMessage },
  KATA_CONFIG_INVALID: {
    status: "INVALID_ARGUMENT",
    message: (p: { messages: readonly string[] }) =>
      `the configuration has ${p.messages.length} errors:\n${p.messages.join("\n")}`,
  },
  KATA_CONFIG_ANNOTATION_REFUSED: {
    status: "PERMISSION_DENIED",
    message: (p: { names: readonly string[]; enable: readonly string[]; table: string; where: string }) =>
      `annotations that configuration does not allow: ${list(p.names)}; to allow them add ${list(
        p.enable.map((name) => JSON.stringify(name)),
      )} to enable_annotations of [${p.table}] (${p.where})`,
  },
  KATA_CONFIG_ANNOTATION_NEVER: {
    status: "PERMISSION_DENIED",
    message: (p: { name: string; reason: string }) => `the annotation ${p.name} is never allowed: ${p.reason}`,
  },
  KATA_CONFIG_ANNOTATION_UNKNOWN: {
    status: "INVALID_ARGUMENT",
    message: (p: { name: string; hint: string }) => `there is no annotation ${p.name}${p.hint}`,
  },
  KATA_CONFIG_ANNOTATION_VALUE: {
    status: "INVALID_ARGUMENT",
    message: (p: { name: string; value: string; problem: string }) =>
      `the annotation ${p.name} = ${p.value} ${p.problem}`,
  },
});
