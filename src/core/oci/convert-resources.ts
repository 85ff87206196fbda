import type * as grpc from "../proto/gen/kata/oci.js";
import {
  compact,
  fromLimit,
  fromSafeInt,
  toBoolean,
  toInt64,
  toList,
  toObject,
  toRequiredObject,
  toText,
  toUint32,
  toUint64,
} from "./convert-values.js";
import type { OciDeviceCgroup, OciLinuxResources } from "./spec.js";

const path = "linux.resources";

/**
 * `linux.resources` as the agent takes it. 0 and absent are one to the protocol, but for the numbers of a device rule:
 * there an absent one, any number, becomes -1. `KATA_OCI_FIELD` names a field of a wrong type or size.
 */
export function resourcesToGrpc(resources: OciLinuxResources | Readonly<Record<string, unknown>>): grpc.LinuxResources {
  const value = toRequiredObject(path, resources);
  const pids = toObject(`${path}.pids`, value["pids"]);
  return {
    Devices: toList(`${path}.devices`, value["devices"], deviceRuleToGrpc),
    Memory: memoryToGrpc(value["memory"]),
    CPU: cpuToGrpc(value["cpu"]),
    Pids: pids && { Limit: toInt64(`${path}.pids.limit`, pids["limit"]) },
    BlockIO: blockIoToGrpc(value["blockIO"]),
    HugepageLimits: toList(`${path}.hugepageLimits`, value["hugepageLimits"], (at, entry) => {
      const limit = toRequiredObject(at, entry);
      return {
        Pagesize: toText(`${at}.pageSize`, limit["pageSize"]),
        Limit: toUint64(`${at}.limit`, limit["limit"]),
      };
    }),
    Network: networkToGrpc(value["network"]),
  };
}

/** The agent's `LinuxResources` as the OCI specification has it; a limit that no machine reaches becomes -1. */
export function resourcesFromGrpc(resources: grpc.LinuxResources): OciLinuxResources {
  return compact({
    devices: resources.Devices.map(deviceRuleFromGrpc),
    memory: resources.Memory && memoryFromGrpc(resources.Memory),
    cpu: resources.CPU && cpuFromGrpc(resources.CPU),
    pids: resources.Pids && { limit: fromLimit(resources.Pids.Limit) },
    blockIO: resources.BlockIO && blockIoFromGrpc(resources.BlockIO),
    hugepageLimits: resources.HugepageLimits.map((entry) => ({
      pageSize: entry.Pagesize,
      limit: fromSafeInt(`${path}.hugepageLimits.limit`, entry.Limit),
    })),
    network: resources.Network && {
      ...compact({
        classID: nonZero(resources.Network.ClassID),
        priorities: resources.Network.Priorities.map((entry) => ({ name: entry.Name, priority: entry.Priority })),
      }),
    },
  });
}

const nonZero = (value: number): number | undefined => (value === 0 ? undefined : value);
const anyNumber = -1n;

function deviceRuleToGrpc(at: string, rule: unknown): grpc.LinuxDeviceCgroup {
  const value = toRequiredObject(at, rule);
  return {
    Allow: toBoolean(`${at}.allow`, value["allow"]),
    Type: toText(`${at}.type`, value["type"]),
    Major: toInt64(`${at}.major`, value["major"] ?? anyNumber),
    Minor: toInt64(`${at}.minor`, value["minor"] ?? anyNumber),
    Access: toText(`${at}.access`, value["access"]),
  };
}

function deviceRuleFromGrpc(rule: grpc.LinuxDeviceCgroup): OciDeviceCgroup {
  return {
    ...compact({
      type: rule.Type,
      major: rule.Major < 0n ? undefined : fromSafeInt(`${path}.devices.major`, rule.Major),
      minor: rule.Minor < 0n ? undefined : fromSafeInt(`${path}.devices.minor`, rule.Minor),
      access: rule.Access,
    }),
    allow: rule.Allow,
  };
}

function memoryToGrpc(memory: unknown): grpc.LinuxMemory | undefined {
  const at = `${path}.memory`;
  const value = toObject(at, memory);
  if (value === undefined) return undefined;
  return {
    Limit: toInt64(`${at}.limit`, value["limit"]),
    Reservation: toInt64(`${at}.reservation`, value["reservation"]),
    Swap: toInt64(`${at}.swap`, value["swap"]),
    Kernel: toInt64(`${at}.kernel`, value["kernel"]),
    KernelTCP: toInt64(`${at}.kernelTCP`, value["kernelTCP"]),
    Swappiness: toUint64(`${at}.swappiness`, value["swappiness"]),
    DisableOOMKiller: toBoolean(`${at}.disableOOMKiller`, value["disableOOMKiller"]),
  };
}

function memoryFromGrpc(memory: grpc.LinuxMemory): NonNullable<OciLinuxResources["memory"]> {
  return compact({
    limit: nonZero(fromLimit(memory.Limit)),
    reservation: nonZero(fromLimit(memory.Reservation)),
    swap: nonZero(fromLimit(memory.Swap)),
    kernel: nonZero(fromLimit(memory.Kernel)),
    kernelTCP: nonZero(fromLimit(memory.KernelTCP)),
    swappiness: nonZero(fromSafeInt(`${path}.memory.swappiness`, memory.Swappiness)),
    disableOOMKiller: memory.DisableOOMKiller,
  });
}

function cpuToGrpc(cpu: unknown): grpc.LinuxCPU | undefined {
  const at = `${path}.cpu`;
  const value = toObject(at, cpu);
  if (value === undefined) return undefined;
  return {
    Shares: toUint64(`${at}.shares`, value["shares"]),
    Quota: toInt64(`${at}.quota`, value["quota"]),
    Period: toUint64(`${at}.period`, value["period"]),
    RealtimeRuntime: toInt64(`${at}.realtimeRuntime`, value["realtimeRuntime"]),
    RealtimePeriod: toUint64(`${at}.realtimePeriod`, value["realtimePeriod"]),
    Cpus: toText(`${at}.cpus`, value["cpus"]),
    Mems: toText(`${at}.mems`, value["mems"]),
  };
}

function cpuFromGrpc(cpu: grpc.LinuxCPU): NonNullable<OciLinuxResources["cpu"]> {
  return compact({
    shares: nonZero(fromSafeInt(`${path}.cpu.shares`, cpu.Shares)),
    quota: nonZero(fromLimit(cpu.Quota)),
    period: nonZero(fromSafeInt(`${path}.cpu.period`, cpu.Period)),
    realtimeRuntime: nonZero(fromLimit(cpu.RealtimeRuntime)),
    realtimePeriod: nonZero(fromSafeInt(`${path}.cpu.realtimePeriod`, cpu.RealtimePeriod)),
    cpus: cpu.Cpus,
    mems: cpu.Mems,
  });
}

const throttles = [
  ["throttleReadBpsDevice", "ThrottleReadBpsDevice"],
  ["throttleWriteBpsDevice", "ThrottleWriteBpsDevice"],
  ["throttleReadIOPSDevice", "ThrottleReadIOPSDevice"],
  ["throttleWriteIOPSDevice", "ThrottleWriteIOPSDevice"],
] as const;

function blockIoToGrpc(blockIo: unknown): grpc.LinuxBlockIO | undefined {
  const at = `${path}.blockIO`;
  const value = toObject(at, blockIo);
  if (value === undefined) return undefined;
  const converted: grpc.LinuxBlockIO = {
    Weight: toUint32(`${at}.weight`, value["weight"]),
    LeafWeight: toUint32(`${at}.leafWeight`, value["leafWeight"]),
    WeightDevice: toList(`${at}.weightDevice`, value["weightDevice"], (here, entry) => {
      const device = toRequiredObject(here, entry);
      return {
        Major: toInt64(`${here}.major`, device["major"]),
        Minor: toInt64(`${here}.minor`, device["minor"]),
        Weight: toUint32(`${here}.weight`, device["weight"]),
        LeafWeight: toUint32(`${here}.leafWeight`, device["leafWeight"]),
      };
    }),
    ThrottleReadBpsDevice: [],
    ThrottleWriteBpsDevice: [],
    ThrottleReadIOPSDevice: [],
    ThrottleWriteIOPSDevice: [],
  };
  for (const [member, field] of throttles) converted[field] = toList(`${at}.${member}`, value[member], throttleToGrpc);
  return converted;
}

function throttleToGrpc(at: string, throttle: unknown): grpc.LinuxThrottleDevice {
  const value = toRequiredObject(at, throttle);
  return {
    Major: toInt64(`${at}.major`, value["major"]),
    Minor: toInt64(`${at}.minor`, value["minor"]),
    Rate: toUint64(`${at}.rate`, value["rate"]),
  };
}

function blockIoFromGrpc(blockIo: grpc.LinuxBlockIO): Record<string, unknown> {
  const at = `${path}.blockIO`;
  const converted: Record<string, unknown> = {
    weight: nonZero(blockIo.Weight),
    leafWeight: nonZero(blockIo.LeafWeight),
    weightDevice: blockIo.WeightDevice.map((device) => ({
      major: fromSafeInt(`${at}.weightDevice.major`, device.Major),
      minor: fromSafeInt(`${at}.weightDevice.minor`, device.Minor),
      ...compact({ weight: nonZero(device.Weight), leafWeight: nonZero(device.LeafWeight) }),
    })),
  };
  for (const [member, field] of throttles) {
    converted[member] = blockIo[field].map((device) => ({
      major: fromSafeInt(`${at}.${member}.major`, device.Major),
      minor: fromSafeInt(`${at}.${member}.minor`, device.Minor),
      rate: fromSafeInt(`${at}.${member}.rate`, device.Rate),
    }));
  }
  return compact(converted);
}

function networkToGrpc(network: unknown): grpc.LinuxNetwork | undefined {
  const at = `${path}.network`;
  const value = toObject(at, network);
  if (value === undefined) return undefined;
  return {
    ClassID: toUint32(`${at}.classID`, value["classID"]),
    Priorities: toList(`${at}.priorities`, value["priorities"], (here, entry) => {
      const priority = toRequiredObject(here, entry);
      return {
        Name: toText(`${here}.name`, priority["name"]),
        Priority: toUint32(`${here}.priority`, priority["priority"]),
      };
    }),
  };
}
