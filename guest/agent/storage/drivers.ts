import { chmodSync, chownSync, fstatSync } from "node:fs";
import type { Storage } from "../../../src/core/proto/gen/kata/agent.js";
import { badArgument } from "../errors.js";
import { type GuestNode, waitForBlockDevice } from "../machine/block-devices.js";
import { waitForScsiDisk } from "../machine/scsi-disks.js";
import type { StorageDriver, StorageTools } from "./driver.js";
import { changeHugePages, hugePagesOf } from "./huge-pages.js";
import { belowContainers } from "./mount-point.js";
import { takeOption } from "./options.js";

function wholeNumber(field: string, text: string, base: 8 | 10, most: number): number {
  const valid = base === 8 ? /^[0-7]{1,6}$/ : /^\d{1,10}$/;
  const value = Number.parseInt(text, base);
  if (!valid.test(text) || value > most) throw badArgument(field, text, `a number up to ${most.toString(base)}`);
  return value;
}

/** A mounted root gets a group that may write, and new files in it belong to that group too. */
function giveToGroup(tools: StorageTools, target: string, group: string): void {
  const gid = wholeNumber("the storage option fsgid", group, 10, 0xffffffff);
  const fd = tools.sys.files.openBeneath(tools.roots.run, target, 0);
  try {
    const path = tools.sys.files.pathOfFd(fd);
    chownSync(path, fstatSync(fd).uid, gid);
    chmodSync(path, (fstatSync(fd).mode & 0o7777) | 0o2070);
  } finally {
    tools.sys.descriptors.close(fd);
  }
}

const runRelative = (tools: StorageTools, path: string): string => path.slice(tools.roots.run.length + 1);

async function mountType(storage: Storage, source: string, target: number, tools: StorageTools): Promise<void> {
  await tools.modules.loadFileSystem(storage.fstype);
  const { fstype: type, options } = storage;
  await tools.sys.mounts.mountOci({ type, source, options }, target);
}

const virtioFs: StorageDriver = {
  async mount(storage, target, tools) {
    await mountType(storage, storage.source, target, tools);
  },
};

const bind: StorageDriver = {
  async mount(storage, target, tools) {
    const { source, options } = storage;
    await tools.sys.mounts.mountOci({ type: "bind", source, options }, target);
  },
};

/** A disk: its file system, or its node itself for a container that is to have the device (`bind`). */
function diskDriver(find: (storage: Storage, tools: StorageTools) => Promise<GuestNode>): StorageDriver {
  return {
    isFile: ({ fstype }) => fstype === "bind",
    async mount(storage, target, tools) {
      const { path: source } = await find(storage, tools);
      const { fstype, options } = storage;
      if (fstype === "bind") await tools.sys.mounts.mountOci({ type: "bind", source, options }, target);
      else await mountType(storage, source, target, tools);
    },
  };
}

const block = diskDriver(({ source }, { roots, hotplugTime }) => waitForBlockDevice(roots, source, hotplugTime));

const scsi = diskDriver(({ source }, tools) => waitForScsiDisk(tools, source, tools.hotplugTime));

/** Memory: a tmpfs, or huge pages that are set aside first. */
const ephemeral: StorageDriver = {
  async mount(storage, target, tools) {
    const { value: group, rest } = takeOption(storage.options, "fsgid");
    const { fstype: type } = storage;
    const pages = hugePagesOf(storage);
    if (pages !== undefined) await changeHugePages(tools.roots, pages, 1);
    try {
      await tools.modules.loadFileSystem(type);
      await tools.sys.mounts.mountOci({ type, source: storage.source, options: rest }, target);
    } catch (error) {
      if (pages !== undefined) await changeHugePages(tools.roots, pages, -1);
      throw error;
    }
    if (group !== undefined) giveToGroup(tools, runRelative(tools, storage.mountPoint), group);
  },
  async unmounted(storage, tools) {
    const pages = hugePagesOf(storage);
    if (pages !== undefined) await changeHugePages(tools.roots, pages, -1);
  },
};

/** A directory of the guest. */
const local: StorageDriver = {
  async mount(storage, target, tools) {
    const { value: mode, rest } = takeOption(storage.options, "mode");
    const { value: group } = takeOption(rest, "fsgid");
    const path = tools.sys.files.pathOfFd(target);
    if (mode !== undefined) chmodSync(path, wholeNumber("the storage option mode", mode, 8, 0o7777));
    if (group !== undefined) giveToGroup(tools, runRelative(tools, storage.mountPoint), group);
  },
};

/** An overlay; the directories it writes to are made when they are missing. */
const overlay: StorageDriver = {
  async mount(storage, target, tools) {
    for (const name of ["upperdir", "workdir"]) {
      const { value } = takeOption(storage.options, name);
      if (value === undefined) continue;
      belowContainers(tools.roots, `the storage option ${name}`, value);
      tools.sys.descriptors.close(tools.sys.files.mkdirBeneath(tools.roots.run, runRelative(tools, value), 0o755));
    }
    await mountType({ ...storage, fstype: "overlay" }, "overlay", target, tools);
  },
};

/** The drivers by the names requests have for them. */
export const storageDrivers: Readonly<Record<string, StorageDriver>> = {
  "virtio-fs": virtioFs,
  ephemeral,
  local,
  overlayfs: overlay,
  blk: block,
  mmioblk: block,
  scsi,
  nvdimm: block,
  bind,
};
