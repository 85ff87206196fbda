import { openSync } from "node:fs";
import type { Namespaces } from "../namespaces.js";
import { assertLinkName } from "../netlink/link-codec.js";
import { OpenFlag } from "../open-flags.js";
import type { PathOrFd } from "../path-or-fd.js";
import type { MacvtapRequest, TapRequest, Taps } from "../taps.js";
import { closeFd } from "./close-fd.js";
import type { Libc } from "./libc.js";
import { openMacvtapDevice } from "./macvtap-device.js";

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
    const { name, namespace, queuePairs, exclusive, multiQueue = queuePairs > 1 } = request;
    assertLinkName(name);
    return this.#in(namespace, () =>
      closedOnError((fds) => {
        for (let queue = 0; queue < queuePairs; queue++) {
          const fd = openSync(device, OpenFlag.readWrite | OpenFlag.closeOnExec | OpenFlag.nonBlock);
          fds.push(fd);
          this.#setInterface(fd, name, multiQueue, exclusive && queue === 0);
        }
      }),
    );
  }

  openMacvtap({ name, index, namespace, queuePairs }: MacvtapRequest): number[] {
    assertLinkName(name);
    return this.#in(namespace, () =>
      closedOnError((fds) => {
        fds.push(...openMacvtapDevice(this.#libc, name, index, queuePairs));
        for (const fd of fds) this.#setInterface(fd, name, queuePairs > 1, false);
      }),
    );
  }

  #in<T>(namespace: PathOrFd | undefined, action: () => T): T {
    return namespace === undefined ? action() : this.#namespaces.inNetworkNamespace(namespace, action);
  }

  #setInterface(fd: number, name: string, multiQueue: boolean, exclusive: boolean): void {
    const flags =
      flag.tap |
      flag.noInformation |
      flag.virtioHeader |
      (multiQueue ? flag.multiQueue : 0) |
      (exclusive ? flag.exclusive : 0);
    const request = Buffer.alloc(requestBytes);
    request.write(name);
    request.writeUInt16LE(flags, flagsAt);
    const result = this.#libc.attempt("int ioctl(int, ulong, void*)", fd, setInterface, request);
    if (result < 0) throw this.#libc.error("ioctl TUNSETIFF", [name], -result);
  }
}

/** The descriptors that `fill` opens; when it fails they are closed. */
function closedOnError(fill: (fds: number[]) => void): number[] {
  const fds: number[] = [];
  try {
    fill(fds);
    return fds;
  } catch (error) {
    for (const fd of fds) closeFd(fd);
    throw error;
  }
}
