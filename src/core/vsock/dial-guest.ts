import { join } from "node:path";
import type { Duplex } from "node:stream";
import { formatGuestAddress, type GuestAddress } from "../contracts/guest-address.js";
import { withDeadline } from "../deadline.js";
import { connect } from "../rpc/connect.js";
import { socketPathFault } from "../rpc/listen.js";
import type { Sys } from "../sys/sys.js";
import { guestDialErrors } from "./errors.js";
import { hybridHandshake } from "./hybrid-handshake.js";

/** What is dialled and how long one attempt may take. */
export interface DialRequest {
  readonly address: GuestAddress;
  /** Port of the guest: `guestPorts`. */
  readonly port: number;
  /** Milliseconds. */
  readonly ms: number;
  /** Gives the attempt up. */
  readonly signal?: AbortSignal;
}

/**
 * One attempt to reach a port of the guest. With vsock somebody listens there once it succeeds; with virtio-serial it only
 * means that the VMM is there: what is written waits for the guest. Fails with `KATA_GUEST_DIAL` (the reason is its cause).
 */
export async function dialGuest(sys: Pick<Sys, "vsock">, request: DialRequest): Promise<Duplex> {
  const address = formatGuestAddress(request.address, request.port);
  try {
    return await dial(sys, request, address);
  } catch (cause) {
    throw guestDialErrors.KATA_GUEST_DIAL({ address }, { cause });
  }
}

function dial(sys: Pick<Sys, "vsock">, request: DialRequest, name: string): Promise<Duplex> {
  const { address, port, ms, signal } = request;
  signal?.throwIfAborted();
  if (address.kind === "hybrid-vsock") return dialHybrid(address.path, request, name);
  if (address.kind === "virtio-serial") return connectUnix(join(address.directory, `port-${port}.sock`), request);
  return sys.vsock.connect({ cid: address.cid, port }, { ms, what: `the guest to accept a connection at ${name}` });
}

async function dialHybrid(path: string, request: DialRequest, name: string): Promise<Duplex> {
  const { port, ms, signal } = request;
  const socket = await connectUnix(path, request);
  try {
    await withDeadline({ ms, what: `the VMM to connect us to ${name}` }, (expired) => {
      const stop = signal === undefined ? expired : AbortSignal.any([expired, signal]);
      stop.addEventListener("abort", () => socket.destroy(), { once: true });
      return hybridHandshake(socket, port, name);
    });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function connectUnix(path: string, { ms, signal }: DialRequest): Promise<Duplex> {
  const fault = socketPathFault(path);
  if (fault !== undefined) throw guestDialErrors.KATA_GUEST_SOCKET_PATH({ path, fault });
  return connect({ path, peer: "the VMM", deadlineMs: ms, ...(signal && { signal }) });
}
