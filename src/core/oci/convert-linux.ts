import type * as grpc from "../proto/gen/kata/oci.js";
import { resourcesFromGrpc, resourcesToGrpc } from "./convert-resources.js";
import {
  compact,
  fromInt,
  fromSafeInt,
  toInt64,
  toList,
  toObject,
  toRequiredObject,
  toText,
  toTextMap,
  toTexts,
  toUint32,
  toUint64,
} from "./convert-values.js";
import type { OciIdMapping, OciLinux, OciLinuxDevice, OciSeccomp, OciSyscall } from "./spec.js";

/** `linux` of the OCI specification as the agent takes it. `KATA_OCI_FIELD` names a field of a wrong type or size. */
export function linuxToGrpc(linux: unknown): grpc.Linux {
  const value = toRequiredObject("linux", linux);
  const resources = toObject("linux.resources", value["resources"]);
  const intelRdt = toObject("linux.intelRdt", value["intelRdt"]);
  return {
    UIDMappings: toList("linux.uidMappings", value["uidMappings"], idMappingToGrpc),
    GIDMappings: toList("linux.gidMappings", value["gidMappings"], idMappingToGrpc),
    Sysctl: toTextMap("linux.sysctl", value["sysctl"]),
    Resources: resources && resourcesToGrpc(resources),
    CgroupsPath: toText("linux.cgroupsPath", value["cgroupsPath"]),
    Namespaces: toList("linux.namespaces", value["namespaces"], (path, entry) => {
      const namespace = toRequiredObject(path, entry);
      return { Type: toText(`${path}.type`, namespace["type"]), Path: toText(`${path}.path`, namespace["path"]) };
    }),
    Devices: toList("linux.devices", value["devices"], deviceToGrpc),
    Seccomp: seccompToGrpc("linux.seccomp", value["seccomp"]),
    RootfsPropagation: toText("linux.rootfsPropagation", value["rootfsPropagation"]),
    MaskedPaths: toTexts("linux.maskedPaths", value["maskedPaths"]),
    ReadonlyPaths: toTexts("linux.readonlyPaths", value["readonlyPaths"]),
    MountLabel: toText("linux.mountLabel", value["mountLabel"]),
    IntelRdt: intelRdt && { L3CacheSchema: toText("linux.intelRdt.l3CacheSchema", intelRdt["l3CacheSchema"]) },
  };
}

/** The agent's `Linux` as the OCI specification has it; zero values are left out. */
export function linuxFromGrpc(linux: grpc.Linux): OciLinux {
  return compact({
    uidMappings: linux.UIDMappings.map(idMappingFromGrpc),
    gidMappings: linux.GIDMappings.map(idMappingFromGrpc),
    sysctl: Object.keys(linux.Sysctl).length === 0 ? undefined : linux.Sysctl,
    resources: linux.Resources && resourcesFromGrpc(linux.Resources),
    cgroupsPath: linux.CgroupsPath,
    namespaces: linux.Namespaces.map(({ Type, Path }) => ({ ...compact({ path: Path }), type: Type })),
    devices: linux.Devices.map(deviceFromGrpc),
    seccomp: linux.Seccomp && seccompFromGrpc(linux.Seccomp),
    rootfsPropagation: linux.RootfsPropagation,
    maskedPaths: linux.MaskedPaths,
    readonlyPaths: linux.ReadonlyPaths,
    mountLabel: linux.MountLabel,
    intelRdt: linux.IntelRdt && compact({ l3CacheSchema: linux.IntelRdt.L3CacheSchema }),
  });
}

function idMappingToGrpc(path: string, mapping: unknown): grpc.LinuxIDMapping {
  const value = toRequiredObject(path, mapping);
  return {
    HostID: toUint32(`${path}.hostID`, value["hostID"]),
    ContainerID: toUint32(`${path}.containerID`, value["containerID"]),
    Size: toUint32(`${path}.size`, value["size"]),
  };
}

function idMappingFromGrpc(mapping: grpc.LinuxIDMapping): OciIdMapping {
  return { hostID: mapping.HostID, containerID: mapping.ContainerID, size: mapping.Size };
}

function deviceToGrpc(path: string, device: unknown): grpc.LinuxDevice {
  const value = toRequiredObject(path, device);
  return {
    Path: toText(`${path}.path`, value["path"]),
    Type: toText(`${path}.type`, value["type"]),
    Major: toInt64(`${path}.major`, value["major"]),
    Minor: toInt64(`${path}.minor`, value["minor"]),
    FileMode: toUint32(`${path}.fileMode`, value["fileMode"]),
    UID: toUint32(`${path}.uid`, value["uid"]),
    GID: toUint32(`${path}.gid`, value["gid"]),
  };
}

function deviceFromGrpc(device: grpc.LinuxDevice): OciLinuxDevice {
  return {
    ...compact({
      fileMode: device.FileMode === 0 ? undefined : device.FileMode,
      uid: device.UID === 0 ? undefined : device.UID,
      gid: device.GID === 0 ? undefined : device.GID,
    }),
    path: device.Path,
    type: device.Type,
    major: fromSafeInt("linux.devices.major", device.Major),
    minor: fromSafeInt("linux.devices.minor", device.Minor),
  };
}

function seccompToGrpc(path: string, seccomp: unknown): grpc.LinuxSeccomp | undefined {
  const value = toObject(path, seccomp);
  if (value === undefined) return undefined;
  return {
    DefaultAction: toText(`${path}.defaultAction`, value["defaultAction"]),
    Architectures: toTexts(`${path}.architectures`, value["architectures"]),
    Flags: toTexts(`${path}.flags`, value["flags"]),
    Syscalls: toList(`${path}.syscalls`, value["syscalls"], syscallToGrpc),
  };
}

function syscallToGrpc(path: string, syscall: unknown): grpc.LinuxSyscall {
  const value = toRequiredObject(path, syscall);
  const errnoRet = value["errnoRet"];
  return {
    Names: toTexts(`${path}.names`, value["names"]),
    Action: toText(`${path}.action`, value["action"]),
    errnoret: errnoRet === undefined || errnoRet === null ? undefined : toUint32(`${path}.errnoRet`, errnoRet),
    Args: toList(`${path}.args`, value["args"], (here, entry) => {
      const argument = toRequiredObject(here, entry);
      return {
        Index: toUint64(`${here}.index`, argument["index"]),
        Value: toUint64(`${here}.value`, argument["value"]),
        ValueTwo: toUint64(`${here}.valueTwo`, argument["valueTwo"]),
        Op: toText(`${here}.op`, argument["op"]),
      };
    }),
  };
}

function seccompFromGrpc(seccomp: grpc.LinuxSeccomp): OciSeccomp {
  return {
    ...compact({
      architectures: seccomp.Architectures,
      flags: seccomp.Flags,
      syscalls: seccomp.Syscalls.map(syscallFromGrpc),
    }),
    defaultAction: seccomp.DefaultAction,
  };
}

function syscallFromGrpc(syscall: grpc.LinuxSyscall): OciSyscall {
  return {
    ...compact({
      errnoRet: syscall.errnoret,
      args: syscall.Args.map((argument) => ({
        ...compact({ valueTwo: argument.ValueTwo === 0n ? undefined : fromInt(argument.ValueTwo) }),
        index: fromSafeInt("linux.seccomp.syscalls.args.index", argument.Index),
        value: fromInt(argument.Value),
        op: argument.Op,
      })),
    }),
    names: syscall.Names,
    action: syscall.Action,
  };
}
