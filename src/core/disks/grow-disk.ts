import { readFileSync, statSync } from "node:fs";
import type { Hypervisor } from "../contracts/hypervisor.js";
import { messageOf } from "../errors/error.js";
import { hypervisorErrors } from "../hypervisor/errors.js";
import { diskErrors } from "./errors.js";
import { majorOf, minorOf } from "./host-block-device.js";

/** Bytes that a disk has a whole number of. */
const unit = 4096;
const sectorSize = 512;

/** A disk of a machine. */
export interface GrownDisk {
  readonly id: string;
  readonly path: string;
  readonly readOnly: boolean;
}

/** Has a machine have so many bytes of a disk at least; see `Disk.grow`. */
export async function growDisk(
  hypervisor: Pick<Hypervisor, "name" | "capability">,
  { id, path, readOnly }: GrownDisk,
  wanted: number,
): Promise<void> {
  const fail = (problem: string, cause?: unknown) => diskErrors.KATA_DISK_SIZE({ path, wanted, problem }, { cause });
  if (!Number.isSafeInteger(wanted) || wanted < 1 || wanted > Number.MAX_SAFE_INTEGER - unit)
    throw fail("that is no number of bytes that a disk can have");
  if (readOnly) throw fail("it is read-only");
  const resize = hypervisor.capability("disk-resize");
  if (resize === undefined) {
    const reason = "it has no way to tell a guest that runs of it";
    throw hypervisorErrors.KATA_HYPERVISOR_UNSUPPORTED({
      hypervisor: hypervisor.name,
      what: "change the size of a disk",
      reason,
    });
  }
  let there: { bytes: number; isDevice: boolean };
  try {
    there = sizeOf(path);
  } catch (error) {
    throw fail(messageOf(error), error);
  }
  if (there.isDevice && there.bytes < wanted)
    throw fail(`it is a device of ${there.bytes} bytes, which is to be made larger first`);
  // What is larger already the guest is told of.
  await resize.resize(id, there.isDevice ? there.bytes : Math.ceil(Math.max(there.bytes, wanted) / unit) * unit);
}

function sizeOf(path: string): { bytes: number; isDevice: boolean } {
  const stat = statSync(path);
  if (!stat.isBlockDevice()) return { bytes: stat.size, isDevice: false };
  const place = `/sys/dev/block/${majorOf(stat.rdev)}:${minorOf(stat.rdev)}/size`;
  return { bytes: Number(readFileSync(place, "latin1")) * sectorSize, isDevice: true };
}
