import { closeSync, openSync, readdirSync, readFileSync, unlinkSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { OpenFlag } from "../open-flags.js";
import type { Libc } from "./libc.js";
import { withFdSync } from "./close-fd.js";

/** Arguments of fsopen(2), fsconfig(2) and fsmount(2): close-on-exec, "make it", and a mount without extras. */
const closeOnExec = 1;
const createCommand = 6;

const characterDevice = 0o020000;
const ownerOnly = 0o600;

/** Encodes a device number as the kernel takes it from user space (`makedev` of glibc, for minors above 255 too). */
const makeDevice = (major: number, minor: number): number =>
  (minor & 0xff) + (major & 0xfff) * 0x100 + (minor & ~0xff) * 0x1000;

/**
 * Opens the character device of a macvtap `count` times. To be called in its network namespace: sysfs shows the links of
 * the namespace in which it was mounted, so one is mounted, nowhere, for the look. The device gets a name in /dev for a
 * moment, as /dev may be no devtmpfs, and other places may not have devices.
 */
export function openMacvtapDevice(libc: Libc, name: string, index: number, count: number): number[] {
  const [major, minor] = deviceNumber(libc, name, index);
  const path = `/dev/.kata-ts-${randomUUID()}`;
  libc.call("int mknod(str, uint, uint64_t)", path, characterDevice | ownerOnly, makeDevice(major, minor));
  const fds: number[] = [];
  try {
    for (let queue = 0; queue < count; queue++) {
      fds.push(openSync(path, OpenFlag.readWrite | OpenFlag.closeOnExec | OpenFlag.nonBlock));
    }
    return fds;
  } catch (error) {
    for (const fd of fds) closeSync(fd);
    throw error;
  } finally {
    unlinkSync(path);
  }
}

function deviceNumber(libc: Libc, name: string, index: number): readonly [major: number, minor: number] {
  return withSysfs(libc, (root) => {
    const directory = `${root}/class/net/${name}/macvtap`;
    const tap = `tap${index}`;
    if (!readdirSync(directory).includes(tap)) throw libc.error("open", [`${name}/macvtap/${tap}`], enoent);
    const [major = 0, minor = 0] = readFileSync(`${directory}/${tap}/dev`, "utf8").trim().split(":").map(Number);
    return [major, minor];
  });
}

const enoent = 2;

function withSysfs<T>(libc: Libc, action: (root: string) => T): T {
  const context = libc.syscall("fsopen", "str, uint", "sysfs", closeOnExec);
  return withFdSync(context, () => {
    libc.syscall("fsconfig", "int, uint, str, str, int", context, createCommand, null, null, 0);
    const mount = libc.syscall("fsmount", "int, uint, uint", context, closeOnExec, 0);
    return withFdSync(mount, () => action(`/proc/self/fd/${mount}`));
  });
}
