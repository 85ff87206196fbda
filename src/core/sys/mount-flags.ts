/** `MS_*` bits of mount(2), linux/mount.h. */
export const MountFlag = {
  readOnly: 0x1,
  noSuid: 0x2,
  noDev: 0x4,
  noExec: 0x8,
  synchronous: 0x10,
  remount: 0x20,
  mandatoryLock: 0x40,
  dirSync: 0x80,
  noSymlinkFollow: 0x100,
  noAtime: 0x400,
  noDirAtime: 0x800,
  bind: 0x1000,
  move: 0x2000,
  recursive: 0x4000,
  silent: 0x8000,
  unbindable: 0x20000,
  private: 0x40000,
  slave: 0x80000,
  shared: 0x100000,
  relatime: 0x200000,
  iVersion: 0x800000,
  strictAtime: 0x1000000,
  lazyTime: 0x2000000,
} as const;

/** The bits that belong to one mount and not to its file system: what a bind mount can change. */
export const perMountFlags =
  MountFlag.readOnly |
  MountFlag.noSuid |
  MountFlag.noDev |
  MountFlag.noExec |
  MountFlag.noSymlinkFollow |
  MountFlag.noAtime |
  MountFlag.noDirAtime |
  MountFlag.relatime |
  MountFlag.strictAtime;
