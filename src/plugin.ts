/** What a plugin's author needs: types, and two identity functions. A plugin in a package of its own imports types only. */
export type { Agent, AgentCapabilities } from "./core/contracts/agent.js";
export type { BlockDriver } from "./core/contracts/block-driver.js";
export type { Cgroup, CgroupDriver, CgroupRequest } from "./core/contracts/cgroup.js";
export type { ContainerStats } from "./core/contracts/container-stats.js";
export type {
  AttachedDevice,
  BlockDevice,
  Device,
  FsDevice,
  NetDevice,
  VfioDevice,
  VhostUserNetDevice,
} from "./core/contracts/device.js";
export type { Disk, DiskMount, DiskRequest, Disks } from "./core/contracts/disks.js";
export type { Endpoint, EndpointDriver, EndpointRequest, LinkInfo } from "./core/contracts/endpoint.js";
export type * from "./core/contracts/guest.js";
export type { GuestAddress } from "./core/contracts/guest-address.js";
export type { Hypervisor, HypervisorCapabilities, VmExit, VmSpec } from "./core/contracts/hypervisor.js";
export type { NetworkModel, NetworkJoin, NetworkRates } from "./core/contracts/network-model.js";
export type { Resource } from "./core/contracts/resource.js";
export type { ContainerdMount, Rootfs, RootfsDriver, RootfsRequest } from "./core/contracts/rootfs.js";
export type { RuntimeHandler } from "./core/contracts/runtime-handler.js";
export type { Service } from "./core/contracts/service.js";
export type { Share, ShareFs, ShareFsContribution, ShareRequest } from "./core/contracts/share-fs.js";
export type { Volume, VolumeDriver, VolumeRequest } from "./core/contracts/volume.js";
export type {
  PluginContext,
  PluginSource,
  Roots,
  SandboxEnvironment,
  SandboxInfo,
  SandboxOpener,
} from "./core/plugin/context.js";
export type { CheckContext, HostFinding } from "./core/plugin/host-check.js";
export type { PluginId, PluginKind, PluginKinds } from "./core/plugin/kinds.js";
export { definePlugin, type Plugin } from "./core/plugin/plugin.js";
export { noConfig, schemaOf, type SchemaOutput, type StandardSchema } from "./core/plugin/standard-schema.js";
