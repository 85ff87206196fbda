import type { ContainerSetup, SandboxSetup } from "../../../core/contracts/agent.js";
import type { GuestDevice, GuestStorage } from "../../../core/contracts/guest.js";
import { specToGrpc } from "../../../core/oci/convert.js";
import type {
  CreateContainerRequest,
  CreateSandboxRequest,
  Device,
  Storage,
} from "../../../core/proto/gen/kata/agent.js";
import { FSGroupChangePolicy } from "../../../core/proto/gen/kata/types.js";

/** agent.proto `CreateSandboxRequest`. */
export function createSandboxRequest(setup: SandboxSetup): CreateSandboxRequest {
  return {
    hostname: setup.hostname,
    dns: [...setup.dns],
    storages: setup.storages.map(toStorage),
    sandboxPidns: setup.sharedPidNamespace,
    sandboxId: setup.sandboxId,
    guestHookPath: setup.guestHookPath,
    kernelModules: setup.kernelModules.map(({ name, parameters }) => ({ name, parameters: [...parameters] })),
  };
}

/** agent.proto `CreateContainerRequest`; `KATA_OCI_FIELD` names what of the specification cannot be translated. */
export function createContainerRequest(setup: ContainerSetup): CreateContainerRequest {
  return {
    containerId: setup.containerId,
    execId: setup.containerId,
    stringUser: undefined,
    devices: setup.devices.map(toDevice),
    storages: setup.storages.map(toStorage),
    OCI: specToGrpc(setup.spec),
    sandboxPidns: setup.sharedPidNamespace,
    sharedMounts: [],
    stdinPort: 0,
    stdoutPort: 0,
    stderrPort: 0,
  };
}

const groupPolicies = {
  always: FSGroupChangePolicy.Always,
  "on-root-mismatch": FSGroupChangePolicy.OnRootMismatch,
} as const;

function toStorage(storage: GuestStorage): Storage {
  return {
    driver: storage.driver,
    driverOptions: [...(storage.driverOptions ?? [])],
    source: storage.source,
    fstype: storage.fstype,
    options: [...storage.options],
    mountPoint: storage.mountPoint,
    fsGroup: storage.group && { groupId: storage.group.id, groupChangePolicy: groupPolicies[storage.group.policy] },
    shared: storage.shared ?? false,
  };
}

function toDevice(device: GuestDevice): Device {
  return { ...device, type: device.type, options: [...device.options] };
}
