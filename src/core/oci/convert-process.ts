import type * as grpc from "../proto/gen/kata/oci.js";
import {
  compact,
  fromInt,
  fromSafeInt,
  toBoolean,
  toInt64,
  toList,
  toObject,
  toRequiredObject,
  toText,
  toTexts,
  toUint32,
  toUint64,
} from "./convert-values.js";
import type { OciCapabilities, OciProcess, OciRlimit, OciUser } from "./spec.js";

/** `process` of the OCI specification as the agent takes it. `KATA_OCI_FIELD` names a field of a wrong type or size. */
export function processToGrpc(process: OciProcess | Readonly<Record<string, unknown>>, path = "process"): grpc.Process {
  const value = toRequiredObject(path, process);
  const size = toObject(`${path}.consoleSize`, value["consoleSize"]);
  return {
    Terminal: toBoolean(`${path}.terminal`, value["terminal"]),
    ConsoleSize: size && {
      Height: toUint32(`${path}.consoleSize.height`, size["height"]),
      Width: toUint32(`${path}.consoleSize.width`, size["width"]),
    },
    User: userToGrpc(`${path}.user`, value["user"]),
    Args: toTexts(`${path}.args`, value["args"]),
    Env: toTexts(`${path}.env`, value["env"]),
    Cwd: toText(`${path}.cwd`, value["cwd"]),
    Capabilities: capabilitiesToGrpc(`${path}.capabilities`, value["capabilities"]),
    Rlimits: toList(`${path}.rlimits`, value["rlimits"], rlimitToGrpc),
    NoNewPrivileges: toBoolean(`${path}.noNewPrivileges`, value["noNewPrivileges"]),
    ApparmorProfile: toText(`${path}.apparmorProfile`, value["apparmorProfile"]),
    OOMScoreAdj: toInt64(`${path}.oomScoreAdj`, value["oomScoreAdj"]),
    SelinuxLabel: toText(`${path}.selinuxLabel`, value["selinuxLabel"]),
  };
}

/** The agent's `Process` as the OCI specification has it; zero values are left out. */
export function processFromGrpc(process: grpc.Process): OciProcess {
  return {
    ...compact({
      terminal: process.Terminal,
      consoleSize: process.ConsoleSize && { height: process.ConsoleSize.Height, width: process.ConsoleSize.Width },
      args: process.Args,
      env: process.Env,
      capabilities: process.Capabilities && capabilitiesFromGrpc(process.Capabilities),
      rlimits: process.Rlimits.map(rlimitFromGrpc),
      noNewPrivileges: process.NoNewPrivileges,
      apparmorProfile: process.ApparmorProfile,
      oomScoreAdj: process.OOMScoreAdj === 0n ? undefined : fromSafeInt("process.oomScoreAdj", process.OOMScoreAdj),
      selinuxLabel: process.SelinuxLabel,
    }),
    user: userFromGrpc(process.User),
    cwd: process.Cwd,
  };
}

function userToGrpc(path: string, user: unknown): grpc.User {
  const value = toObject(path, user) ?? {};
  return {
    UID: toUint32(`${path}.uid`, value["uid"]),
    GID: toUint32(`${path}.gid`, value["gid"]),
    AdditionalGids: toList(`${path}.additionalGids`, value["additionalGids"], toUint32),
    Username: toText(`${path}.username`, value["username"]),
  };
}

function userFromGrpc(user: grpc.User | undefined): OciUser {
  return {
    ...compact({ additionalGids: user?.AdditionalGids, username: user?.Username }),
    uid: user?.UID ?? 0,
    gid: user?.GID ?? 0,
  };
}

function capabilitiesToGrpc(path: string, capabilities: unknown): grpc.LinuxCapabilities | undefined {
  const value = toObject(path, capabilities);
  if (value === undefined) return undefined;
  return {
    Bounding: toTexts(`${path}.bounding`, value["bounding"]),
    Effective: toTexts(`${path}.effective`, value["effective"]),
    Inheritable: toTexts(`${path}.inheritable`, value["inheritable"]),
    Permitted: toTexts(`${path}.permitted`, value["permitted"]),
    Ambient: toTexts(`${path}.ambient`, value["ambient"]),
  };
}

function capabilitiesFromGrpc(capabilities: grpc.LinuxCapabilities): OciCapabilities {
  return compact({
    bounding: capabilities.Bounding,
    effective: capabilities.Effective,
    inheritable: capabilities.Inheritable,
    permitted: capabilities.Permitted,
    ambient: capabilities.Ambient,
  });
}

function rlimitToGrpc(path: string, rlimit: unknown): grpc.POSIXRlimit {
  const value = toRequiredObject(path, rlimit);
  return {
    Type: toText(`${path}.type`, value["type"]),
    Hard: toUint64(`${path}.hard`, value["hard"]),
    Soft: toUint64(`${path}.soft`, value["soft"]),
  };
}

function rlimitFromGrpc(rlimit: grpc.POSIXRlimit): OciRlimit {
  return { type: rlimit.Type, hard: fromInt(rlimit.Hard), soft: fromInt(rlimit.Soft) };
}
