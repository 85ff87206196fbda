import type * as grpc from "../proto/gen/kata/oci.js";
import { linuxFromGrpc, linuxToGrpc } from "./convert-linux.js";
import { processFromGrpc, processToGrpc } from "./convert-process.js";
import {
  compact,
  fromSafeInt,
  toBoolean,
  toInt64,
  toList,
  toObject,
  toRequiredObject,
  toText,
  toTextMap,
  toTexts,
} from "./convert-values.js";
import type { OciHook, OciMount, OciSpec } from "./spec.js";

/**
 * An OCI specification as the agent takes it (oci.proto). A specification is what somebody wrote into a file: every
 * field's type and size is checked, and `KATA_OCI_FIELD` names the first that is wrong. What the protocol has no place for
 * is left out: `lostSpecFields` names it.
 */
export function specToGrpc(spec: OciSpec): grpc.Spec {
  const value = toRequiredObject("config.json", spec);
  const process = toObject("process", value["process"]);
  const root = toObject("root", value["root"]);
  const linux = toObject("linux", value["linux"]);
  return {
    Version: toText("ociVersion", value["ociVersion"]),
    Process: process && processToGrpc(process),
    Root: root && { Path: toText("root.path", root["path"]), Readonly: toBoolean("root.readonly", root["readonly"]) },
    Hostname: toText("hostname", value["hostname"]),
    Mounts: toList("mounts", value["mounts"], mountToGrpc),
    Hooks: hooksToGrpc(toObject("hooks", value["hooks"])),
    Annotations: toTextMap("annotations", value["annotations"]),
    Linux: linux && linuxToGrpc(linux),
    Solaris: undefined,
    Windows: undefined,
  };
}

/** The agent's `Spec` as config.json has it: zero values are left out, 64-bit numbers are `bigint` where a double is not exact. */
export function specFromGrpc(spec: grpc.Spec): OciSpec {
  return {
    ...compact({
      process: spec.Process && processFromGrpc(spec.Process),
      root: spec.Root && { ...compact({ readonly: spec.Root.Readonly }), path: spec.Root.Path },
      hostname: spec.Hostname,
      mounts: spec.Mounts.map(mountFromGrpc),
      hooks: spec.Hooks && hooksFromGrpc(spec.Hooks),
      annotations: Object.keys(spec.Annotations).length === 0 ? undefined : spec.Annotations,
      linux: spec.Linux && linuxFromGrpc(spec.Linux),
    }),
    ociVersion: spec.Version,
  };
}

function mountToGrpc(path: string, mount: unknown): grpc.Mount {
  const value = toRequiredObject(path, mount);
  return {
    destination: toText(`${path}.destination`, value["destination"]),
    source: toText(`${path}.source`, value["source"]),
    type: toText(`${path}.type`, value["type"]),
    options: toTexts(`${path}.options`, value["options"]),
  };
}

function mountFromGrpc(mount: grpc.Mount): OciMount {
  return {
    ...compact({ source: mount.source, type: mount.type, options: mount.options }),
    destination: mount.destination,
  };
}

const hookKinds = [
  ["prestart", "Prestart"],
  ["poststart", "Poststart"],
  ["poststop", "Poststop"],
  ["createRuntime", "CreateRuntime"],
  ["createContainer", "CreateContainer"],
  ["startContainer", "StartContainer"],
] as const;

function hooksToGrpc(hooks: Record<string, unknown> | undefined): grpc.Hooks | undefined {
  if (hooks === undefined) return undefined;
  const converted: grpc.Hooks = {
    Prestart: [],
    Poststart: [],
    Poststop: [],
    CreateRuntime: [],
    CreateContainer: [],
    StartContainer: [],
  };
  for (const [member, field] of hookKinds) converted[field] = toList(`hooks.${member}`, hooks[member], hookToGrpc);
  return converted;
}

function hooksFromGrpc(hooks: grpc.Hooks): Record<string, OciHook[]> {
  const converted: Record<string, OciHook[]> = {};
  for (const [member, field] of hookKinds) {
    if (hooks[field].length > 0) converted[member] = hooks[field].map(hookFromGrpc);
  }
  return converted;
}

function hookToGrpc(path: string, hook: unknown): grpc.Hook {
  const value = toRequiredObject(path, hook);
  return {
    Path: toText(`${path}.path`, value["path"]),
    Args: toTexts(`${path}.args`, value["args"]),
    Env: toTexts(`${path}.env`, value["env"]),
    Timeout: toInt64(`${path}.timeout`, value["timeout"]),
  };
}

function hookFromGrpc(hook: grpc.Hook): OciHook {
  return {
    ...compact({
      args: hook.Args,
      env: hook.Env,
      timeout: hook.Timeout === 0n ? undefined : fromSafeInt("hooks.timeout", hook.Timeout),
    }),
    path: hook.Path,
  };
}
