import type { EffectiveConfig } from "../../../core/config/effective.js";
import type { KeyComplaint } from "../../../core/config/extension.js";

/** What `[hypervisor.<name>]` says about sharing. */
export interface InlineSettings {
  readonly cache: "never" | "auto" | "always";
  /** Entries of each queue. */
  readonly queueSize: number;
}

const usualQueueSize = 1024;

/** Reads the keys. */
export function inlineSettings({ hypervisor: keys }: EffectiveConfig): InlineSettings {
  return {
    cache: keys.virtio_fs_cache,
    queueSize: keys.virtio_fs_queue_size === 0 ? usualQueueSize : keys.virtio_fs_queue_size,
  };
}

/** A DAX window is refused: nobody maps files into the guest here. */
export function checkWindow({ hypervisor: keys }: EffectiveConfig): KeyComplaint[] {
  const table = "hypervisor";
  if (keys.virtio_fs_cache_size > 0) {
    const problem = `is ${keys.virtio_fs_cache_size}; inline-virtio-fs has no DAX window, so it must be 0`;
    return [{ table, key: "virtio_fs_cache_size", problem }];
  }
  if (!keys.virtio_fs_is_dax) return [];
  return [{ table, key: "virtio_fs_is_dax", problem: "is true; inline-virtio-fs has no DAX window" }];
}
