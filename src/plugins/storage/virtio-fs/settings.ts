import type { EffectiveConfig } from "../../../core/config/effective.js";
import type { KeyComplaint } from "../../../core/config/extension.js";
import { formatOrigin } from "../../../core/config/source.js";
import { virtioFsErrors } from "./errors.js";
import { type ExtraOption, parseExtraArguments } from "./extra-arguments.js";

/** What `[hypervisor.<name>]` says about sharing. */
export interface VirtioFsSettings {
  /** Path of the program; undefined to have it found. */
  readonly daemon: string | undefined;
  readonly daemonWhere: string;
  readonly cache: "never" | "auto" | "always";
  /** DAX window, 0 for none. */
  readonly cacheSizeMiB: number;
  readonly queueSize: number;
  readonly extra: readonly ExtraOption[];
  readonly extraWhere: string;
}

const usualQueueSize = 1024;
const usualWindowMiB = 1024;

/** Reads and checks the keys; an argument that is not harmless is `KATA_VIRTIOFS_ARGUMENT`. */
export function virtioFsSettings(config: EffectiveConfig): VirtioFsSettings {
  const keys = config.hypervisor;
  const extraWhere = formatOrigin(config.hypervisorOrigin("virtio_fs_extra_args"));
  const { options, complaints } = parseExtraArguments(keys.virtio_fs_extra_args);
  for (const { argument, problem } of complaints)
    throw virtioFsErrors.KATA_VIRTIOFS_ARGUMENT({ argument, problem, where: extraWhere });
  const size = keys.virtio_fs_cache_size;
  return {
    daemon: keys.virtio_fs_daemon === "" ? undefined : keys.virtio_fs_daemon,
    daemonWhere: formatOrigin(config.hypervisorOrigin("virtio_fs_daemon")),
    cache: keys.virtio_fs_cache,
    cacheSizeMiB: size === 0 && keys.virtio_fs_is_dax ? usualWindowMiB : size,
    queueSize: keys.virtio_fs_queue_size === 0 ? usualQueueSize : keys.virtio_fs_queue_size,
    extra: options,
    extraWhere,
  };
}

/** Finds arguments that are not harmless while configuration is loaded, so that the message shows file and line. */
export function checkExtraArguments(config: EffectiveConfig): KeyComplaint[] {
  return parseExtraArguments(config.hypervisor.virtio_fs_extra_args).complaints.map(({ argument, problem }) => ({
    table: "hypervisor",
    key: "virtio_fs_extra_args",
    problem: `has ${JSON.stringify(argument)}, which ${problem}`,
  }));
}
