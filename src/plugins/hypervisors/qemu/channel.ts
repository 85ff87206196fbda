import { randomInt } from "node:crypto";
import { openSync } from "node:fs";
import type { GuestAddress } from "../../../core/contracts/guest-address.js";
import { guestPorts } from "../../../core/contracts/guest-address.js";
import { errnoNameOf } from "../../../core/sys/sys-error.js";
import type { Sys } from "../../../core/sys/sys.js";
import { messageOf } from "../../../core/errors/error.js";
import { qemuErrors } from "./errors.js";
import type { ChannelParts } from "./machine-command.js";
import { serialBackend } from "./serial-ports.js";
import type { MachineSocketFiles } from "./sockets.js";

/** `VHOST_VSOCK_SET_GUEST_CID` of `include/uapi/linux/vhost.h`. */
const setGuestCid = 0x4008af60;

/** How many context ids are tried: taken ones are rare among two billion. */
const tries = 50;

/** The way to the guest, from the construction of a machine to its start. */
export interface Channel {
  readonly address: GuestAddress;
  /** Why it is this kind. */
  readonly reason: string;
  /** What QEMU needs for it; makes the sockets of virtio-serial. */
  parts(sockets: MachineSocketFiles): ChannelParts;
  /** Closes what is still open here. Idempotent. */
  release(): void;
}

/** Reserves a context id on an open vhost-vsock device: the kernel refuses one that another machine has. */
function reserveCid(sys: Sys, fd: number, random: () => number): number {
  for (let attempt = 0; attempt < tries; attempt++) {
    const cid = random();
    const argument = Buffer.alloc(8);
    argument.writeBigUInt64LE(BigInt(cid));
    try {
      sys.devices.ioctl(fd, setGuestCid, argument);
      return cid;
    } catch (error) {
      if (errnoNameOf(error) !== "EADDRINUSE") throw error;
    }
  }
  throw qemuErrors.KATA_QEMU_NO_CID({ tries });
}

function vsockChannel(sys: Sys, device: string, random: () => number): Channel {
  let fd: number | undefined = openSync(device, "r+");
  const release = () => {
    if (fd !== undefined) sys.descriptors.close(fd);
    fd = undefined;
  };
  try {
    const open = fd;
    const cid = reserveCid(sys, open, random);
    return {
      address: { kind: "vsock", cid },
      reason: `${device} works`,
      parts: () => ({ kind: "vsock", cid, fd: open }),
      release,
    };
  } catch (error) {
    release();
    throw error;
  }
}

function serialChannel(directory: string, reason: string, debugConsole: boolean): Channel {
  const ports = [guestPorts.agent, guestPorts.log, ...(debugConsole ? [guestPorts.debugConsole] : [])];
  return {
    address: { kind: "virtio-serial", directory },
    reason,
    parts: (sockets) => ({
      kind: "virtio-serial",
      ports: ports.map((port) => ({ port, fd: sockets.listen(serialBackend(port)) })),
    }),
    release: () => undefined,
  };
}

/** What a channel is opened with. */
export interface ChannelOptions {
  readonly runDirectory: string;
  readonly debugConsole: boolean;
  /** `/dev/vhost-vsock` unless told. */
  readonly device?: string;
  /** Gives the context ids to try. */
  readonly random?: () => number;
}

/** vsock where the host's kernel has it, and a context id is reserved at once; virtio-serial where it has not. */
export function openChannel(sys: Sys, options: ChannelOptions): Channel {
  const { device = "/dev/vhost-vsock", random = () => randomInt(0x1_0000, 0x7fff_ffff) } = options;
  try {
    return vsockChannel(sys, device, random);
  } catch (error) {
    if (errnoNameOf(error) === undefined) throw error;
    return serialChannel(options.runDirectory, `no vsock: ${messageOf(error)}`, options.debugConsole);
  }
}

/** The channel of a machine, opened when somebody asks where its guest will be: it keeps a descriptor open. */
export class GuestChannel {
  readonly #open: () => Channel;
  #opened: Channel | undefined;

  constructor(sys: Sys, options: ChannelOptions) {
    this.#open = () => openChannel(sys, options);
  }

  open(): Channel {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  /** Closes what is still open. Idempotent. */
  release(): void {
    this.#opened?.release();
  }
}
