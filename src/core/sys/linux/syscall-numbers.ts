/** Calls that glibc 2.36 or musl 1.2 have no function for. From 424 on, numbers are the same on all architectures. */
export const syscallNumber = {
  pidfd_send_signal: 424,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  pidfd_open: 434,
  close_range: 436,
  openat2: 437,
  mount_setattr: 442,
} as const;

/** Name of a call made by its number. */
export type SyscallName = keyof typeof syscallNumber;
