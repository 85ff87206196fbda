/** Numbers of file systems, as statfs(2) tells them (`include/uapi/linux/magic.h`). */
export const fileSystemType = { tmpfs: 0x01021994, hugetlbfs: 0x958458f6 } as const;
