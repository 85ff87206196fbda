import { openSync } from "node:fs";
import { sysErrors } from "../errors.js";
import { OpenFlag } from "../open-flags.js";
import type { Terminal, Terminals, WindowSize } from "../terminals.js";
import { closeFd } from "./close-fd.js";
import type { Libc } from "./libc.js";

const setUnlocked = 0x40045431;
const getNumber = 0x80045430;
const openPeer = 0x5441;
const setWindowSize = 0x5414;
const getWindowSize = 0x5413;
const ioctlMemory = "int ioctl(int, ulong, void*)";

/** `Terminals` by /dev/ptmx and ioctl_tty(2). */
export class LinuxTerminals implements Terminals {
  readonly #libc: Libc;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  open(size?: WindowSize): Terminal {
    const flags = OpenFlag.readWrite | OpenFlag.noControllingTerminal;
    const master = openSync("/dev/ptmx", flags | OpenFlag.nonBlock);
    try {
      const word = Buffer.alloc(4);
      this.#libc.call(ioctlMemory, master, setUnlocked, word);
      this.#libc.call(ioctlMemory, master, getNumber, word);
      if (size !== undefined) this.resize(master, size);
      // by the master and not by the name, which another mount of devpts may have given to another terminal
      const slave = this.#libc.call("int ioctl(int, ulong, ulong)", master, openPeer, flags | OpenFlag.closeOnExec);
      return { master, slave, path: `/dev/pts/${word.readUInt32LE(0)}` };
    } catch (error) {
      closeFd(master);
      throw error;
    }
  }

  resize(fd: number, { rows, columns }: WindowSize): void {
    for (const [what, value] of Object.entries({ rows, columns })) {
      if (!Number.isInteger(value) || value < 0 || value > 0xffff) {
        throw sysErrors.KATA_SYS_VALUE({ what, value: String(value), expected: "a number from 0 to 65535" });
      }
    }
    const size = Buffer.alloc(8);
    size.writeUInt16LE(rows, 0);
    size.writeUInt16LE(columns, 2);
    this.#libc.call(ioctlMemory, fd, setWindowSize, size);
  }

  size(fd: number): WindowSize {
    const size = Buffer.alloc(8);
    this.#libc.call(ioctlMemory, fd, getWindowSize, size);
    return { rows: size.readUInt16LE(0), columns: size.readUInt16LE(2) };
  }
}
