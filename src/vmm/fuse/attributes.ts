import { statxSize } from "../../core/sys/inodes.js";
import { flag } from "./protocol.js";

/** Types of files, of the mode. */
export const fileType = {
  mask: 0o170000,
  fifo: 0o010000,
  character: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  regular: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const;

const statMask = { mount: 0x1000 } as const;

/** What the kernel says of a file: `struct statx`, read where it is used. */
export class FileStat {
  readonly bytes = new Uint8Array(statxSize);
  readonly view = new DataView(this.bytes.buffer);

  get mode(): number {
    return this.view.getUint16(28, true);
  }

  get type(): number {
    return this.mode & fileType.mask;
  }

  get uid(): number {
    return this.view.getUint32(20, true);
  }

  get gid(): number {
    return this.view.getUint32(24, true);
  }

  /** A bigint where a number would not be exact. */
  get inode(): number | bigint {
    const high = this.view.getUint32(36, true);
    return high < 2 ** 21 ? this.view.getUint32(32, true) + high * 2 ** 32 : this.view.getBigUint64(32, true);
  }

  get deviceMajor(): number {
    return this.view.getUint32(136, true);
  }

  get deviceMinor(): number {
    return this.view.getUint32(140, true);
  }

  /** What a change of the data changes: the size, and when the inode and the data were last changed. */
  get content(): string {
    const time = (at: number): string => `${this.view.getBigInt64(at, true)}.${this.view.getUint32(at + 8, true)}`;
    return `${this.view.getBigUint64(40, true)} ${time(96)} ${time(112)}`;
  }

  /** When the inode was last changed, in milliseconds since 1970. */
  get changedMs(): number {
    return Number(this.view.getBigInt64(96, true)) * 1000 + this.view.getUint32(104, true) / 1e6;
  }

  /** The mount it is on; undefined where the kernel does not tell, before Linux 5.8. */
  get mount(): number | undefined {
    if ((this.view.getUint32(0, true) & statMask.mount) === 0) return undefined;
    return this.view.getUint32(144, true) + this.view.getUint32(148, true) * 2 ** 32;
  }
}

/** Seconds for which the guest need not ask again. */
export type Validity = number;

/** `struct fuse_attr` at `at`. */
export function writeAttributes(into: DataView, at: number, { view }: FileStat, submount: boolean): void {
  const copy = (from: number, to: number): void => into.setUint32(at + to, view.getUint32(from, true), true);
  const copyLong = (from: number, to: number): void => {
    copy(from, to);
    copy(from + 4, to + 4);
  };
  copyLong(32, 0); // ino
  copyLong(40, 8); // size
  copyLong(48, 16); // blocks
  copyLong(64, 24); // atime
  copyLong(112, 32); // mtime
  copyLong(96, 40); // ctime
  copy(72, 48);
  copy(120, 52);
  copy(104, 56);
  into.setUint32(at + 60, view.getUint16(28, true), true); // mode
  copy(16, 64); // nlink
  copy(20, 68); // uid
  copy(24, 72); // gid
  into.setUint32(at + 76, deviceNumber(view.getUint32(128, true), view.getUint32(132, true)), true);
  copy(4, 80); // blksize
  into.setUint32(at + 84, submount ? flag.submount : 0, true);
}

/** `struct fuse_attr_out` at the beginning. */
export function writeAttrOut(into: DataView, stat: FileStat, validity: Validity): void {
  into.setUint32(0, validity, true);
  into.setUint32(4, 0, true);
  into.setUint32(8, 0, true);
  into.setUint32(12, 0, true);
  writeAttributes(into, 16, stat, false);
}

/** What a name leads to. */
export interface Entry {
  /** 0 for none: what is said of it then is only to be shown. */
  readonly node: number;
  readonly validity: Validity;
  readonly submount: boolean;
}

/** `struct fuse_entry_out` at `at`. */
export function writeEntryOut(into: DataView, at: number, stat: FileStat, { node, validity, submount }: Entry): void {
  into.setUint32(at, node % 2 ** 32, true);
  into.setUint32(at + 4, Math.floor(node / 2 ** 32), true);
  // No node's number is used twice, so there are no generations.
  into.setUint32(at + 8, 0, true);
  into.setUint32(at + 12, 0, true);
  into.setUint32(at + 16, validity, true);
  into.setUint32(at + 20, 0, true);
  into.setUint32(at + 24, validity, true);
  into.setUint32(at + 28, 0, true);
  into.setUint32(at + 32, 0, true);
  into.setUint32(at + 36, 0, true);
  writeAttributes(into, at + 40, stat, submount);
}

/** The kernel's 32 bits for a device, `new_encode_dev`. */
function deviceNumber(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** The C library's 64 bits for a device, from the kernel's 32. */
export function longDeviceNumber(device: number): bigint {
  const major = BigInt((device >>> 8) & 0xfff);
  const minor = BigInt((device & 0xff) | ((device >>> 12) & 0xfff00));
  return (major << 8n) | ((minor & 0xffffff00n) << 12n) | (minor & 0xffn);
}
