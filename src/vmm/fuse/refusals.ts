import { constants } from "node:os";

const { errno } = constants;

/** Negated errnos, as answers have them: what is refused here and not by the kernel. */
export const refused = {
  badHandle: -errno.EBADF,
  invalid: -errno.EINVAL,
  io: -errno.EIO,
  tooBig: -errno.EFBIG,
  nameTooLong: -errno.ENAMETOOLONG,
  tooMany: -errno.ENFILE,
  readOnly: -errno.EROFS,
  unknown: -errno.ENOSYS,
  unsupported: -errno.EOPNOTSUPP,
  noDevice: -errno.ENXIO,
  isDirectory: -errno.EISDIR,
  notDirectory: -errno.ENOTDIR,
  denied: -errno.EACCES,
  notPermitted: -errno.EPERM,
  protocol: -errno.EPROTO,
  link: -errno.ELOOP,
  noAttribute: -errno.ENODATA,
  range: -errno.ERANGE,
} as const;

/** What the kernel answers where there is another way. */
export const kernelSays = { exists: -errno.EEXIST, again: -errno.EAGAIN, range: -errno.ERANGE } as const;
