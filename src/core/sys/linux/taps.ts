import { openSync } from "node:fs";
import type { Namespaces } from "../namespaces.js";
import { assertLinkName } from "../netlink/link-codec.js";
import { OpenFlag } from "../open-flags.js";
import type { PathOrFd } from "../path-or-fd.js";
import type { MacvtapRequest, TapOffloads, TapRequest, Taps } from "../taps.js";
import { closeFd } from "./close-fd.js";
import type { Libc } from "./libc.js";
import { openMacvtapDevice } from "./macvtap-device.js";

const device = "/dev/net/tun";
const setInterface = 0x400454ca;
const setOffload = 0x400454d0;
const setHeaderSize = 0x400454d8;
const setQueue = 0x400454d9;

/** `IFF_*` of linux/if_tun.h. */
const flag = {
  tap: 0x0002,
  multiQueue: 0x0100,
  attachQueue: 0x0200,
  detachQueue: 0x0400,
  noInformation: 0x1000,
  virtioHeader: 0x4000,
  exclusive: 0x8000,
} as const;

/** `TUN_F_*` of linux/if_tun.h. */
const offload = { checksum: 0x01, tso4: 0x02, tso6: 0x04, ecn: 0x08 } as const;

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

  setHeaderBytes(fd: number, bytes: number): void {
    const size = Buffer.alloc(4);
    size.writeInt32LE(bytes);
    const result = this.#libc.attempt("int ioctl(int, ulong, void*)", fd, setHeaderSize, size);
    if (result < 0) throw this.#libc.error("ioctl TUNSETVNETHDRSZ", [fd, bytes], -result);
  }

  setOffloads(fd: number, offloads: TapOffloads): void {
    let flags = 0;
    for (const [name, bit] of Object.entries(offload)) if (offloads[name as keyof TapOffloads]) flags |= bit;
    const result = this.#libc.attempt("int ioctl(int, ulong, intptr_t)", fd, setOffload, flags);
    if (result < 0) throw this.#libc.error("ioctl TUNSETOFFLOAD", [fd, flags], -result);
  }

  setAttached(fd: number, attached: boolean): void {
    const request = Buffer.alloc(requestBytes);
    request.writeUInt16LE(attached ? flag.attachQueue : flag.detachQueue, flagsAt);
    const result = this.#libc.attempt("int ioctl(int, ulong, void*)", fd, setQueue, request);
    if (result < 0) throw this.#libc.error("ioctl TUNSETQUEUE", [fd, attached ? "attach" : "detach"], -result);
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
