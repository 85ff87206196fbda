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
import type { PluginContext } from "./context.js";
import type { CheckContext, HostFinding } from "./host-check.js";
import type { SchemaOutput, StandardSchema } from "./standard-schema.js";

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

/**
 * A plugin is plain data. It imports only types from this package, so one in a package of its own works with any copy of
 * the library; everything it needs comes through `ctx`.
 */
export interface Plugin<K extends string = string, S extends StandardSchema = StandardSchema> {
  /** Version of this contract. */
  readonly api: 1;
  readonly kind: K;
  /** As configuration selects it: lower case letters, digits, `-` and `_`. */
  readonly name: string;
  /** Checks what configuration says for this plugin, and gives `create` its typed form. */
  readonly config: S;
  /** Plugins that must be registered for this one to work. */
  readonly requires?: readonly PluginId[];
  /**
   * Makes an instance. No work that can wait until it is used; what it opens is given to `ctx.scope.defer`. It is cut off
   * by a deadline that names the plugin.
   */
  create(ctx: PluginContext, config: SchemaOutput<S>): PluginInstance<K> | Promise<PluginInstance<K>>;
  /** What this host offers of what the plugin needs, for `kata-ts check`. Changes nothing; asked of chosen plugins. */
  check?(ctx: CheckContext): Promise<readonly HostFinding[]>;
}

/** Gives a plugin its types: the identity, at run time. */
export function definePlugin<K extends string, S extends StandardSchema>(plugin: Plugin<K, S>): Plugin<K, S> {
  return plugin;
}

/** A plugin's name for people: `hypervisor/qemu`. */
export function formatPluginId(id: PluginId): string {
  return `${id.kind}/${id.name}`;
}
