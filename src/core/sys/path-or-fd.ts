/**
 * A file by its path, or by an open descriptor (also one opened with `O_PATH`), which no rename or symbolic link can
 * redirect. A descriptor of a symbolic link itself is refused with `KATA_SYS_SYMLINK`: the kernel would follow it.
 */
export type PathOrFd = string | number;
