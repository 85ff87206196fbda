/**
 * What a plugin's author needs: types, and a few small functions that any copy of the library does as well. A plugin in a
 * package of its own gets by with types; who sends messages, or answers them, may import those.
 */
export type {
  Agent,
  AgentCapabilities,
  ContainerSetup,
  GuestDetails,
  GuestProcess,
  SandboxSetup,
} from "./core/contracts/agent.js";
export type { BlockDriver } from "./core/contracts/block-driver.js";
export type { Cgroup, CgroupDriver, CgroupRequest } from "./core/contracts/cgroup.js";
export type { ContainerStats } from "./core/contracts/container-stats.js";
export type {
  AttachedDevice,
  BlockDevice,
  Device,
  FsDevice,
  InlineFsDevice,
  NetDevice,
  VfioDevice,
  VhostUserNetDevice,
} from "./core/contracts/device.js";
export type { Disk, DiskMount, DiskRequest, Disks } from "./core/contracts/disks.js";
export type {
  CardWish,
  Endpoint,
  EndpointContribution,
  EndpointDriver,
  EndpointRequest,
  LinkInfo,
} from "./core/contracts/endpoint.js";
export type * from "./core/contracts/guest.js";
export type { GuestAddress } from "./core/contracts/guest-address.js";
export type { Hypervisor, HypervisorCapabilities, VmExit, VmSpec } from "./core/contracts/hypervisor.js";
export type { NetworkModel, NetworkJoin, NetworkRates } from "./core/contracts/network-model.js";
export type { Resource } from "./core/contracts/resource.js";
export type {
  ContainerdMount,
  Rootfs,
  RootfsContribution,
  RootfsDriver,
  RootfsRequest,
} from "./core/contracts/rootfs.js";
export type { RuntimeHandler } from "./core/contracts/runtime-handler.js";
export type { Service } from "./core/contracts/service.js";
export type { Share, ShareFs, ShareFsContribution, ShareRequest } from "./core/contracts/share-fs.js";
export type { SizedVolume, Volume, VolumeDriver, VolumeRequest } from "./core/contracts/volume.js";
export { defineEvent, defineRequest, type EventType, type Message, type RequestType } from "./core/dispatch/message.js";
export * from "./core/messages/events.js";
export * from "./core/messages/task.js";
export type {
  PluginContext,
  PluginSource,
  Roots,
  SandboxEnvironment,
  SandboxInfo,
  SandboxOpener,
  SandboxRequest,
} from "./core/plugin/context.js";
export type { CheckContext, HostFinding } from "./core/plugin/host-check.js";
export { requireCapability } from "./core/plugin/capability.js";
export {
  type ChosenInstance,
  defineKind,
  type Kind,
  type KindRef,
  type PluginId,
  type PluginInstance,
  type PluginKind,
  type PluginKinds,
  type Selection,
} from "./core/plugin/kinds.js";
export type { Skipped } from "./core/plugin/errors.js";
export { type Candidates, mostSpecific } from "./core/plugin/match.js";
export { definePlugin, type Plugin } from "./core/plugin/plugin.js";
export {
  noConfig,
  schemaOf,
  type SchemaIssue,
  type SchemaOutput,
  type SchemaResult,
  type StandardSchema,
} from "./core/plugin/standard-schema.js";

/** What a plugin meets through its context and in the contracts. */
export type { CgroupPlace } from "./core/cgroup/place.js";
export type { ConfigEntry, EffectiveConfig, PluginPackageList } from "./core/config/effective.js";
export type { ConfigExtension, KeyComplaint, UsedKey } from "./core/config/extension.js";
export type { ConfiguredSchema } from "./core/config/plugin-schema.js";
export type { Origin, Source } from "./core/config/source.js";
export type { AgentConfig } from "./core/config/keys/agent.js";
export type { HypervisorConfig } from "./core/config/keys/hypervisor.js";
export type { KeyEffect, KeyRow, KeyTable, KeyType } from "./core/config/keys/key.js";
export type { RuntimeConfig } from "./core/config/keys/runtime.js";
export type { Dispatcher, Handle, HandlerTable, Interceptor } from "./core/dispatch/dispatcher.js";
export type { EventBus } from "./core/dispatch/event-bus.js";
export type { Logger, LogFields, LogLevel } from "./core/log.js";
export type * from "./core/oci/spec.js";
export type { SandboxRecord } from "./core/sandbox/record.js";
export type { SandboxState } from "./core/sandbox/state.js";
export type { Scope } from "./core/scope.js";
export type { LinkDetails } from "./core/sys/netlink/link.js";
export type { Sys } from "./core/sys/sys.js";
