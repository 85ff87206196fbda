import { constants } from "node:fs";

/** `O_*` of open(2) that Node lacks; all others are in `node:fs` `constants`, right for the machine. */
export const OpenFlag = {
  read: constants.O_RDONLY,
  write: constants.O_WRONLY,
  readWrite: constants.O_RDWR,
  create: constants.O_CREAT,
  exclusive: constants.O_EXCL,
  truncate: constants.O_TRUNC,
  append: constants.O_APPEND,
  directory: constants.O_DIRECTORY,
  noFollow: constants.O_NOFOLLOW,
  nonBlock: constants.O_NONBLOCK,
  noControllingTerminal: constants.O_NOCTTY,
  closeOnExec: 0o2000000,
  /** A name for a file without opening it: no permission to it is needed and a device notices nothing. */
  pathOnly: 0o10000000,
} as const;
