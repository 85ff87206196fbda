import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../../src/core/errors/error.js";
import { VolumeUsage_Unit, type VolumeStatsResponse } from "../../../src/core/proto/gen/kata/csi.js";
import type { MountEntry } from "../../../src/core/sys/mountinfo.js";
import { OpenFlag } from "../../../src/core/sys/open-flags.js";
import type { Sys } from "../../../src/core/sys/sys.js";
import { agentErrors } from "../errors.js";
import { lookFor } from "../machine/block-devices.js";
import { type AgentRoots, containersDirectory } from "../roots.js";
import { belowContainers } from "./mount-point.js";

/** What volumes are looked at with. */
export interface VolumeTools {
  readonly sys: Pick<Sys, "files" | "descriptors" | "mounts" | "devices">;
  readonly roots: AgentRoots;
}

/** File systems that their kernel makes larger while they are mounted, by one call. */
const growing = new Set(["ext2", "ext3", "ext4"]);

/** `_IOW('f', 16, __u64)`: how many blocks it is to have (fs/ext4/ext4.h). */
const resizeRequest = 0x40086610;

const sectorSize = 512;
const field = "volume_guest_path";

/** Opens what is mounted for a volume, as the last that was mounted there; `KATA_GUEST_VOLUME_UNKNOWN` when nothing is. */
function withVolume<T>({ sys, roots }: VolumeTools, path: string, act: (fd: number, mount: MountEntry) => T): T {
  const relative = belowContainers(roots, field, path);
  const base = containersDirectory(roots);
  const mount = sys.mounts.list().findLast(({ mountPoint }) => mountPoint === `${base}/${relative}`);
  if (mount === undefined) throw agentErrors.KATA_GUEST_VOLUME_UNKNOWN({ path });
  const fd = sys.files.openBeneath(base, relative, OpenFlag.read | OpenFlag.nonBlock);
  try {
    return act(fd, mount);
  } finally {
    sys.descriptors.close(fd);
  }
}

/** How full a volume is, in bytes and in files. */
export function volumeStats(tools: VolumeTools, path: string): VolumeStatsResponse {
  const info = withVolume(tools, path, (fd) => tools.sys.files.statfs(fd));
  const usage = (unit: VolumeUsage_Unit, total: number, free: number, available = free) => ({
    unit,
    total: BigInt(total),
    used: BigInt(total - free),
    available: BigInt(available),
  });
  const { totalBytes, freeBytes, availableBytes, totalFiles, freeFiles } = info;
  return {
    usage: [
      usage(VolumeUsage_Unit.BYTES, totalBytes, freeBytes, availableBytes),
      usage(VolumeUsage_Unit.INODES, totalFiles, freeFiles),
    ],
    volumeCondition: { abnormal: false, message: "" },
  };
}

/**
 * Has a volume's file system have all of its disk, which is to have `bytes` at least: waits `ms` at most until the kernel knows
 * that it has. `KATA_GUEST_VOLUME_GROW` when it has not, or when the file system refuses.
 */
export async function resizeVolume(tools: VolumeTools, path: string, bytes: bigint, ms: number): Promise<void> {
  const { sys, roots } = tools;
  const { type, major, minor } = withVolume(tools, path, (_fd, mount) => mount);
  const fail = (problem: string, cause?: unknown) =>
    agentErrors.KATA_GUEST_VOLUME_GROW({ path, bytes: bytes.toString(), problem }, { cause });
  if (!growing.has(type)) throw agentErrors.KATA_GUEST_VOLUME_TYPE({ path, type, known: [...growing] });
  const disk = join(roots.sys, "dev/block", `${major}:${minor}`);
  // A disk of SCSI is asked; one of virtio has told.
  const rescan = join(disk, "device/rescan");
  if (existsSync(rescan)) await writeFile(rescan, "1\n");
  const size = (): bigint => BigInt(readFileSync(join(disk, "size"), "latin1").trim()) * BigInt(sectorSize);
  const there = await lookFor(
    () => (size() >= bytes ? size() : undefined),
    ms,
    () => fail(`its disk has ${size()} bytes, after ${ms} ms of waiting`),
  );
  withVolume(tools, path, (fd) => {
    const { blockSize } = sys.files.statfs(fd);
    const blocks = Buffer.alloc(8);
    blocks.writeBigUInt64LE(there / BigInt(blockSize));
    try {
      sys.devices.ioctl(fd, resizeRequest, blocks);
    } catch (error) {
      throw fail(`its file system (${type}) refuses: ${messageOf(error)}`, error);
    }
  });
}
