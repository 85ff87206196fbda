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

/** What each kind of plugin creates; `kind-table.ts` says what selects which. */
export interface PluginKinds {
  service: Service;
  handler: RuntimeHandler;
  hypervisor: Hypervisor;
  agent: Agent;
  "share-fs": ShareFs;
  "network-model": NetworkModel;
  endpoint: EndpointDriver;
  rootfs: RootfsDriver;
  volume: VolumeDriver;
  "block-driver": BlockDriver;
  cgroup: CgroupDriver;
}

/** A kind of plugin that core knows, by its name. Others are values: `Kind`. */
export type PluginKind = keyof PluginKinds;

/** How a plugin of a kind comes to be used. */
export type Selection =
  | {
      /** By its name, which stands at a key of the configuration: one instance a process or a sandbox. */
      readonly by: "key";
      /** Dotted; `*` stands for the chosen hypervisor or agent: `runtime.hypervisor_name`, `hypervisor.*.shared_fs`. */
      readonly key: string;
      /** Where nothing is written. A key of core has its default in its row. */
      readonly default?: string;
      /** The value that chooses no plugin. */
      readonly none?: string;
      /** What alone needs it: without that the plugin may be absent. */
      readonly neededFor?: string;
    }
  | {
      /** By its `match`, a method that gives 0 or how well it fits: all there are take part. */
      readonly by: "match";
      /** What it is matched with, for listings: `a mount of a container`. */
      readonly with: string;
    }
  /** By whoever asks for it by name: a program, or another plugin. */
  | { readonly by: "request" };

/**
 * A kind of plugin that core does not know, as a value: stands wherever the name of a kind may, and gives the types. Plain
 * data, so a package that offers a kind needs nothing but the type:
 *
 * ```ts
 * export const imageFilter: Kind<ImageFilter> = {
 *   name: "image-filter",
 *   selection: { by: "key", key: "runtime.image_filter", default: "none", none: "none" },
 * };
 * ```
 */
export interface Kind<T = unknown> {
  /** Lower case letters, digits, `-` and `_`; none of core's. */
  readonly name: string;
  /** A key is one of `[runtime]` that core does not have; it becomes one by the kind. */
  readonly selection: Selection;
  /** Never set; carries the type of what the kind's plugins create. */
  readonly instance?: T;
}

/** Gives a kind its type: `defineKind<ImageFilter>({ name: "image-filter", … })`. The identity, at run time. */
export function defineKind<T>(kind: { readonly name: string; readonly selection: Selection }): Kind<T> {
  return kind;
}

/** A kind: one of core's by its name, one that somebody defined, or a name of which nothing more is known. */
export type KindRef = string | Kind;

/** Kinds of core of which configuration may choose no plugin. */
export type DispensableKind = "share-fs";

/** What configuration chooses for a kind. */
export type ChosenInstance<K extends KindRef> =
  K extends Exclude<PluginKind, DispensableKind> ? PluginInstance<K> : PluginInstance<K> | undefined;

/** What a plugin of a kind creates; unknown for a mere name that core does not know. */
export type PluginInstance<K extends KindRef> =
  K extends Kind<infer T> ? T : K extends PluginKind ? PluginKinds[K] : unknown;

/** The name of a kind. */
export function kindName(kind: KindRef): string {
  return typeof kind === "string" ? kind : kind.name;
}

/** Names one plugin. */
export interface PluginId<K extends string = string> {
  readonly kind: K;
  readonly name: string;
}

/** A plugin's name for people: `hypervisor/qemu`. */
export function formatPluginId({ kind, name }: { readonly kind: KindRef; readonly name: string }): string {
  return `${kindName(kind)}/${name}`;
}
