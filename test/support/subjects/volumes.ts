import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findExecutable } from "../../../src/core/process/find-executable.js";
import { fileSystemType } from "../../../src/core/sys/file-system-type.js";
import type { FilesystemInfo } from "../../../src/core/sys/files.js";
import { plugin as volumeBlock } from "../../../src/plugins/storage/volume-block/index.js";
import { plugin as volumeDirect } from "../../../src/plugins/storage/volume-direct/index.js";
import { plugin as volumeEmptyDir } from "../../../src/plugins/storage/volume-empty-dir/index.js";
import { plugin as volumeEphemeral } from "../../../src/plugins/storage/volume-ephemeral/index.js";
import { plugin as volumeHugePages } from "../../../src/plugins/storage/volume-hugepages/index.js";
import { plugin as volumeCopy } from "../../../src/plugins/storage/volume-copy/index.js";
import { plugin as volumeLocal } from "../../../src/plugins/storage/volume-local/index.js";
import { plugin as volumeSharedBind } from "../../../src/plugins/storage/volume-shared-bind/index.js";
import { plugin as volumeShm } from "../../../src/plugins/storage/volume-shm/index.js";
import { plugin as volumeSystem } from "../../../src/plugins/storage/volume-system/index.js";
import { volumeName } from "../../../src/plugins/storage/volume-direct/mount-info.js";
import { bundlePaths, type Place } from "../../../src/testing/index.js";
import type { Held } from "./held.js";

const bind = (place: Place) => {
  const { shared } = bundlePaths(place);
  return { mount: { destination: "/data", type: "bind", source: shared, options: ["rbind", "rw"] } };
};
const proc = { mount: { destination: "/proc", type: "proc", source: "proc", options: [] } };
const shm = { mount: { destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["size=65536k"] } };

/** Volumes of the kubelet that begin empty. */
const scratch = ({ directory }: Pick<Place, "directory">) => join(directory, "bundle/kubernetes.io~empty-dir/scratch");
const bindOf = (source: string, options = ["rbind", "rw"]) => ({
  mount: { destination: "/scratch", type: "bind", source, options },
});
const arrangeScratch = (place: Place) => void mkdirSync(scratch(place), { recursive: true });

const bytes = 64 << 20;

/** What every file system of the host is said to be. */
const fileSystem = (type: number, blockSize: number): FilesystemInfo => ({
  type,
  blockSize,
  totalBytes: bytes,
  freeBytes: bytes,
  availableBytes: bytes,
  totalFiles: 0,
  freeFiles: 0,
});

/** Those of a pod to which nothing is shared. */
const empty = (place: Place) => ({ ...bindOf(scratch(place), ["rbind"]), withoutShare: true });
const ofDirectories: readonly Held<"volume">[] = [
  {
    plugin: volumeLocal,
    subject: {
      arrange: arrangeScratch,
      takes: (place) => [empty(place)],
      leaves: (place) => [{ ...empty(place), withoutShare: false }, bind(place)],
    },
  },
  {
    plugin: volumeCopy,
    subject: {
      takes: (place) => [{ ...bind(place), withoutShare: true }],
      leaves: (place) => [bind(place), { ...proc, withoutShare: true }],
    },
  },
  { plugin: volumeSharedBind, subject: { takes: (place) => [bind(place)], leaves: () => [proc] } },
];

const inMemory: readonly Held<"volume">[] = [
  { plugin: volumeSystem, subject: { takes: () => [proc], leaves: (place) => [bind(place)] } },
  { plugin: volumeShm, subject: { takes: () => [shm], leaves: (place) => [bind(place), proc] } },
  {
    plugin: volumeEphemeral,
    subject: {
      // The memory is that of a file system which every host has.
      arrange(place) {
        mkdirSync(join(scratch(place), ".."));
        symlinkSync("/dev/shm", scratch(place));
      },
      takes: (place) => [bindOf(scratch(place))],
      leaves: (place) => [bindOf("/dev/shm"), bind(place), proc],
    },
  },
  {
    plugin: volumeHugePages,
    subject: {
      arrange: ({ sys }) => sys.answer("files", "statfs", () => fileSystem(fileSystemType.hugetlbfs, 2 << 20)),
      takes: () => [bindOf("/dev/shm")],
      leaves: (place) => [bind(place), proc],
    },
  },
];

const devices = readdirSync("/sys/class/block").map((name) => join("/dev", name));
const device = devices.find((path) => statSync(path, { throwIfNoEntry: false })?.isBlockDevice() === true);
const missing = ["mke2fs", "debugfs"].find((program) => findExecutable(program) === undefined);
const assigned = "/var/lib/kubelet/pods/one/volumes/csi/mount";

const ofDisks: readonly Held<"volume">[] = [
  {
    plugin: volumeBlock,
    subject: {
      // Nobody opens it: the machine is pretended.
      takes: () => [{ mount: { destination: "/data", type: "ext4", source: device ?? "" } }, bindOf(device ?? "")],
      leaves: (place) => [bind(place), proc],
    },
    ...(device === undefined && { here: "this host has no block device" }),
  },
  {
    plugin: volumeDirect,
    subject: {
      arrange(place) {
        const disk = join(place.directory, "disk");
        writeFileSync(disk, "a disk");
        const said = join(place.directory, "direct-volumes", volumeName(assigned));
        mkdirSync(said, { recursive: true, mode: 0o700 });
        const info = { "volume-type": "block", device: disk, fstype: "ext4", options: ["noatime"] };
        writeFileSync(join(said, "mountInfo.json"), JSON.stringify(info), { mode: 0o600 });
      },
      takes: () => [bindOf(assigned)],
      leaves: (place) => [bind(place), proc],
    },
  },
  {
    plugin: volumeEmptyDir,
    subject: {
      runtime: 'emptydir_mode = "block-plain"',
      arrange(place) {
        arrangeScratch(place);
        // A disk is as large as the file system that it is in.
        place.sys.answer("files", "statfs", () => fileSystem(fileSystemType.tmpfs, 4096));
      },
      takes: (place) => [bindOf(scratch(place))],
      leaves: (place) => [bind(place), proc],
      ofPod: true,
      skips: {
        "is taken over by another process, which undoes it":
          "what undoes the file of a process that was killed is the sandbox's record",
      },
    },
    ...(missing !== undefined && { here: `there is no ${missing} (e2fsprogs)` }),
  },
];

/** All built-in volumes. */
export const volumes: readonly Held<"volume">[] = [...inMemory, ...ofDisks, ...ofDirectories];
