/** The version that is spoken: `FUSE_KERNEL_VERSION` and its minor of include/uapi/linux/fuse.h. */
export const fuseVersion = { major: 7, minor: 38 } as const;

/** Kernels before Linux 5.4, the first that has virtio-fs, speak an older one. */
export const oldestMinor = 31;

/** `enum fuse_opcode`: what is served. */
export const opcode = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  readlink: 5,
  symlink: 6,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  rename: 12,
  link: 13,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  fsync: 20,
  setxattr: 21,
  getxattr: 22,
  listxattr: 23,
  removexattr: 24,
  flush: 25,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  fsyncdir: 30,
  access: 34,
  create: 35,
  interrupt: 36,
  destroy: 38,
  batchForget: 42,
  fallocate: 43,
  readdirplus: 44,
  rename2: 45,
  lseek: 46,
  copyFileRange: 47,
  syncfs: 50,
} as const;

/** Bytes of the structures. */
export const size = {
  inHeader: 40,
  outHeader: 16,
  attr: 88,
  attrOut: 104,
  entryOut: 128,
  openOut: 16,
  initIn: 16,
  initOut: 64,
  writeIn: 40,
  statfsOut: 80,
  dirent: 24,
  forgetOne: 16,
} as const;

/** Flags of INIT that are agreed to, of its first and of its second word. */
export const initFlag = {
  asyncRead: 1 << 0,
  atomicTruncate: 1 << 3,
  bigWrites: 1 << 5,
  autoInvalidate: 1 << 12,
  readdirplus: 1 << 13,
  readdirplusAuto: 1 << 14,
  asyncDirect: 1 << 15,
  parallelDirectories: 1 << 18,
  maxPages: 1 << 22,
  cacheSymlinks: 1 << 23,
  submounts: 1 << 27,
  killPrivileges: 1 << 28,
  extended: 1 << 30,
} as const;
/** `FUSE_DIRECT_IO_ALLOW_MMAP`, bit 36: a file that the guest does not cache can be mapped and shared all the same. */
export const initFlag2 = { directMmap: 1 << 4 } as const;

/** `FATTR_*`: what of SETATTR counts. */
export const setattrValid = {
  mode: 1 << 0,
  uid: 1 << 1,
  gid: 1 << 2,
  size: 1 << 3,
  atime: 1 << 4,
  mtime: 1 << 5,
  handle: 1 << 6,
  atimeNow: 1 << 7,
  mtimeNow: 1 << 8,
  killPrivileges: 1 << 11,
} as const;

/** `FOPEN_*`: how the guest is to treat what it has opened. */
export const openReply = { directIo: 1 << 0, keepCache: 1 << 1, cacheDirectory: 1 << 3 } as const;

/** `FUSE_OPEN_KILL_SUIDGID`, `FUSE_WRITE_KILL_SUIDGID`, `FUSE_FSYNC_FDATASYNC`, `FUSE_ATTR_SUBMOUNT`. */
export const flag = { openKill: 1 << 0, writeKill: 1 << 2, dataOnly: 1 << 0, submount: 1 << 0 } as const;

/** The node that the guest mounts. */
export const rootNode = 1;
