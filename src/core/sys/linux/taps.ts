import { openSync } from "node:fs";
import type { Namespaces } from "../namespaces.js";
import { assertLinkName } from "../netlink/link-codec.js";
import { OpenFlag } from "../open-flags.js";
import type { TapRequest, Taps } from "../taps.js";
import { closeFd } from "./close-fd.js";
import type { Libc } from "./libc.js";

const device = "/dev/net/tun";
const setInterface = 0x400454ca;

/** `IFF_*` of linux/if_tun.h. */
const flag = {
  tap: 0x0002,
  multiQueue: 0x0100,
  noInformation: 0x1000,
  virtioHeader: 0x4000,
  exclusive: 0x8000,
} as const;

/** Bytes of a `struct ifreq`; the flags are behind the name's 16. */
const requestBytes = 40;
const flagsAt = 16;

/** `Taps` by /dev/net/tun. */
export class LinuxTaps implements Taps {
  readonly #libc: Libc;
  readonly #namespaces: Namespaces;

  constructor(libc: Libc, namespaces: Namespaces) {
    this.#libc = libc;
    this.#namespaces = namespaces;
  }

  open(request: TapRequest): number[] {
    assertLinkName(request.name);
    const open = () => this.#open(request);
    return request.namespace === undefined ? open() : this.#namespaces.inNetworkNamespace(request.namespace, open);
  }

  #open({ name, queuePairs, exclusive, multiQueue = queuePairs > 1 }: TapRequest): number[] {
    const base = flag.tap | flag.noInformation | flag.virtioHeader | (multiQueue ? flag.multiQueue : 0);
    const fds: number[] = [];
    try {
      for (let queue = 0; queue < queuePairs; queue++) {
        const fd = openSync(device, OpenFlag.readWrite | OpenFlag.closeOnExec | OpenFlag.nonBlock);
        fds.push(fd);
        const asked = Buffer.alloc(requestBytes);
        asked.write(name);
        asked.writeUInt16LE(base | (exclusive && queue === 0 ? flag.exclusive : 0), flagsAt);
        const result = this.#libc.attempt("int ioctl(int, ulong, void*)", fd, setInterface, asked);
        if (result < 0) throw this.#libc.error("ioctl TUNSETIFF", [name, queue], -result);
      }
    } catch (error) {
      for (const fd of fds) closeFd(fd);
      throw error;
    }
    return fds;
  }
}
