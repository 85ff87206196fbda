import type { Agent } from "../contracts/agent.js";
import type { BlockDriver } from "../contracts/block-driver.js";
import type { CgroupDriver } from "../contracts/cgroup.js";
import type { EndpointDriver } from "../contracts/endpoint.js";
import type { Hypervisor } from "../contracts/hypervisor.js";
import type { NetworkModel } from "../contracts/network-model.js";
import type { RootfsDriver } from "../contracts/rootfs.js";
import type { RuntimeHandler } from "../contracts/runtime-handler.js";
import type { Service } from "../contracts/service.js";
import type { ShareFs } from "../contracts/share-fs.js";
import type { VolumeDriver } from "../contracts/volume.js";

/** What each kind of plugin creates. */
export interface PluginKinds {
  /** One a process; chosen by the program. */
  service: Service;
  /** One a process; `runtime.name`. */
  handler: RuntimeHandler;
  /** One a sandbox; `runtime.hypervisor_name`. */
  hypervisor: Hypervisor;
  /** One a sandbox; `runtime.agent_name`. */
  agent: Agent;
  /** One a sandbox; `hypervisor.<name>.shared_fs`. */
  "share-fs": ShareFs;
  /** One a sandbox; `runtime.internetworking_model`. */
  "network-model": NetworkModel;
  /** By `match` on a link. */
  endpoint: EndpointDriver;
  /** By `match` on what a container's root is made of. */
  rootfs: RootfsDriver;
  /** By `match` on a mount. */
  volume: VolumeDriver;
  /** By name, `hypervisor.<name>.block_device_driver`. */
  "block-driver": BlockDriver;
  /** By `match` on the host. */
  cgroup: CgroupDriver;
}

/** A kind of plugin that core knows. A plugin of a kind of its own is registered as `Plugin<string>`. */
export type PluginKind = keyof PluginKinds;

/** What a plugin of a kind creates; unknown for kinds that core does not know. */
export type PluginInstance<K extends string> = K extends PluginKind ? PluginKinds[K] : unknown;

/** Names one plugin. */
export interface PluginId<K extends string = string> {
  readonly kind: K;
  readonly name: string;
}

/** A plugin's name for people: `hypervisor/qemu`. */
export function formatPluginId(id: PluginId): string {
  return `${id.kind}/${id.name}`;
}
