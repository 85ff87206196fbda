/** File systems of disks that kernels of guests have, by the types that snapshotters name. Mounts of them are never binds. */
export const diskFileSystems: ReadonlySet<string> = new Set(["ext2", "ext3", "ext4", "xfs"]);
