/** Bytes of the header before every packet (virtio 1.2, 5.10.6: `struct virtio_vsock_hdr`). */
export const headerBytes = 44;

/** What a packet does to its connection (virtio 1.2, 5.10.6). */
export const operation = {
  request: 1,
  response: 2,
  reset: 3,
  shutdown: 4,
  data: 5,
  creditUpdate: 6,
  creditRequest: 7,
} as const;

/** The only type of socket there is here; the other, of messages, is not offered. */
export const streamType = 1;

/** Flags of `shutdown`: its sender receives no more, its sender sends no more. */
export const shutdownFlag = { receive: 1, send: 2, both: 3 } as const;

/** The context that is the host (virtio 1.2, 5.10.4). */
export const hostCid = 2;

/** A packet's header, as it is on the queue. Fields that nobody has checked yet. */
export interface PacketHeader {
  /** Below 2^53, or not a context that there is: then -1. */
  readonly sourceCid: number;
  readonly destinationCid: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Bytes of data that follow, as its sender says. */
  readonly length: number;
  readonly type: number;
  readonly operation: number;
  readonly flags: number;
  /** Bytes that the sender's side of the connection can hold, and how many of all those received it has passed on. */
  readonly allocated: number;
  readonly forwarded: number;
}

/** The header in the first `headerBytes` of `bytes`. */
export function decodeHeader(bytes: Uint8Array): PacketHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  return {
    sourceCid: cidAt(view, 0),
    destinationCid: cidAt(view, 8),
    sourcePort: view.getUint32(16, true),
    destinationPort: view.getUint32(20, true),
    length: view.getUint32(24, true),
    type: view.getUint16(28, true),
    operation: view.getUint16(30, true),
    flags: view.getUint32(32, true),
    allocated: view.getUint32(36, true),
    forwarded: view.getUint32(40, true),
  };
}

/** Writes a header; `into` has `headerBytes`. */
export function encodeHeader(header: PacketHeader, into: Uint8Array): void {
  const view = new DataView(into.buffer, into.byteOffset, headerBytes);
  view.setBigUint64(0, BigInt(header.sourceCid), true);
  view.setBigUint64(8, BigInt(header.destinationCid), true);
  view.setUint32(16, header.sourcePort, true);
  view.setUint32(20, header.destinationPort, true);
  view.setUint32(24, header.length, true);
  view.setUint16(28, header.type, true);
  view.setUint16(30, header.operation, true);
  view.setUint32(32, header.flags, true);
  view.setUint32(36, header.allocated, true);
  view.setUint32(40, header.forwarded, true);
}

/** A context is 32 bits; the upper half of its field is reserved and zero. */
function cidAt(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) === 0 ? view.getUint32(at, true) : -1;
}
