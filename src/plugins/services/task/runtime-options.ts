import { isAbsolute } from "node:path";
import type { Any } from "../../../core/proto/gen/google/protobuf/any.js";
import { Options } from "../../../core/proto/gen/containerd/runtime-options.js";
import { taskErrors } from "./errors.js";
import { typeName } from "./type-name.js";

const optionsType = "runtimeoptions.v1.Options";

/** What the runtime options of containerd say. */
export interface RuntimeOptions {
  /** `configuration.toml` to use. */
  readonly configPath?: string;
}

/**
 * Reads the options that containerd passes on from its own configuration (or from `ctr run --runtime-config-path`).
 * Other types are `KATA_TASK_OPTIONS`: what somebody asked for must not be dropped in silence.
 */
export function readRuntimeOptions(any: Any | undefined): RuntimeOptions {
  if (any === undefined || any.typeUrl === "") return {};
  const type = typeName(any.typeUrl);
  if (type !== optionsType) throw taskErrors.KATA_TASK_OPTIONS({ type, known: [optionsType] });
  let options: Options;
  try {
    options = Options.decode(any.value);
  } catch (error) {
    throw taskErrors.KATA_TASK_OPTIONS_BROKEN({ type }, { cause: error });
  }
  const { configPath, configBody } = options;
  if (configPath === "") {
    if (configBody.length > 0) throw taskErrors.KATA_TASK_OPTIONS_BODY({});
    return {};
  }
  if (!isAbsolute(configPath) || configPath.includes("\0"))
    throw taskErrors.KATA_TASK_CONFIG_PATH({ path: configPath });
  return { configPath };
}
