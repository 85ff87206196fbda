import { isAbsolute } from "node:path";
import { shimErrors } from "./errors.js";
import { parseGoFlags } from "./go-flags.js";

/** What is done: `help`, `version` and `info` print and end. */
export type ShimAction = "start" | "delete" | "help" | "version" | "info";

const actions = ["start", "delete"] as const;

/** What containerd says on the command line of a shim. */
export interface ShimArguments {
  readonly action: ShimAction;
  readonly namespace: string;
  readonly id: string;
  /** containerd's own socket; part of the name of the shim's. May be empty. */
  readonly address: string;
  /** Absolute; only for `delete`. */
  readonly bundle: string | undefined;
  readonly debug: boolean;
}

const flagSet = {
  values: ["namespace", "id", "address", "publish-binary", "bundle", "socket"],
  switches: ["debug", "v", "version", "info"],
};

const idPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/** Throws unless `value`, which becomes a part of paths, is an identifier as containerd has them. */
export function assertIdentifier(what: string, value: string): void {
  if (value === "") throw shimErrors.KATA_SHIM_ARGUMENT({ what, value, problem: "it must be given" });
  if (!idPattern.test(value)) {
    const problem = 'it must begin with a letter or digit and have only letters, digits, "_", "." and "-", 128 at most';
    throw shimErrors.KATA_SHIM_ARGUMENT({ what, value: value.slice(0, 160), problem });
  }
}

/** Reads the command line. Without `-id` the ids are empty: they may come as bootstrap parameters, and are checked then. */
export function parseArguments(args: readonly string[]): ShimArguments {
  const { values, switches, help, positional } = parseGoFlags(flagSet, args);
  const value = (flag: string) => values.get(flag) ?? "";
  const printed = help ? "help" : switches.has("v") || switches.has("version") ? "version" : undefined;
  const action = printed ?? (switches.has("info") ? "info" : actionOf(positional));
  const bundle = values.get("bundle");
  if (bundle !== undefined && (!isAbsolute(bundle) || bundle.includes("\0"))) {
    throw shimErrors.KATA_SHIM_ARGUMENT({
      what: "the flag -bundle",
      value: bundle,
      problem: "it must be an absolute path",
    });
  }
  const [namespace, id] = [value("namespace"), value("id")];
  const needsIds = action === "delete" || (action === "start" && values.has("id"));
  if (needsIds) {
    assertIdentifier("the flag -namespace", namespace);
    assertIdentifier("the flag -id", id);
  }
  return { action, namespace, id, address: value("address"), bundle, debug: switches.has("debug") };
}

function actionOf(positional: readonly string[]): ShimAction {
  const [action = "", ...more] = positional;
  const known = actions.find((one) => one === action);
  if (known === undefined || more.length > 0) {
    throw shimErrors.KATA_SHIM_ACTION({ action: positional.join(" "), known: actions });
  }
  return known;
}
