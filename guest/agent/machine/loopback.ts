import { SocketFamily, SocketType } from "../../../src/core/sys/socket-address.js";
import type { Sys } from "../../../src/core/sys/sys.js";

const getFlags = 0x8913;
const setFlags = 0x8914;
const isUp = 0x1;

/** Bytes of a `struct ifreq`; the flags are behind the name's 16. */
const requestBytes = 40;
const flagsAt = 16;

/** Sets the loopback interface up, as `ip link set lo up` does, without starting a program. */
export function setLoopbackUp(sys: Pick<Sys, "sockets" | "devices" | "descriptors">): void {
  const fd = sys.sockets.open({ family: SocketFamily.inet, type: SocketType.datagram });
  try {
    const request = Buffer.alloc(requestBytes);
    request.write("lo");
    sys.devices.ioctl(fd, getFlags, request);
    request.writeUInt16LE(request.readUInt16LE(flagsAt) | isUp, flagsAt);
    sys.devices.ioctl(fd, setFlags, request);
  } finally {
    sys.descriptors.close(fd);
  }
}
