/** Requests of the front end (the vhost-user specification, "Front-end message types"). */
export const request = {
  getFeatures: 1,
  setFeatures: 2,
  setOwner: 3,
  setMemTable: 5,
  setVringNum: 8,
  setVringAddr: 9,
  setVringBase: 10,
  getVringBase: 11,
  setVringKick: 12,
  setVringCall: 13,
  getProtocolFeatures: 15,
  setProtocolFeatures: 16,
  getQueueNum: 17,
  setVringEnable: 18,
} as const;

/** The name of a request. */
export type RequestName = keyof typeof request;

/** The feature among virtio's by which a daemon says that it has features of the protocol, and rings that are enabled. */
export const protocolFeatures = 1n << 30n;

/** Features of the protocol that are ours (the vhost-user specification, "Protocol features"). */
export const protocolFeature = { multiQueue: 1n << 0n, replyAck: 1n << 3n } as const;

/** Bytes of a message's header: request, flags, and bytes of what follows; each 32 bits, of the machine's order. */
export const messageHeaderBytes = 12;

const version = 1;
const versionMask = 3;
const replyFlag = 4;
const needReplyFlag = 8;

/** A message as it goes to the daemon. */
export function encodeMessage(name: RequestName, payload: Uint8Array, needReply: boolean): Buffer {
  const message = Buffer.alloc(messageHeaderBytes + payload.length);
  message.writeUInt32LE(request[name], 0);
  message.writeUInt32LE(version | (needReply ? needReplyFlag : 0), 4);
  message.writeUInt32LE(payload.length, 8);
  message.set(payload, messageHeaderBytes);
  return message;
}

/** The header of an answer. */
export interface AnswerHeader {
  readonly request: number;
  readonly isReply: boolean;
  readonly length: number;
}

/** Decodes an answer's header. */
export function decodeHeader(header: Buffer): AnswerHeader {
  const flags = header.readUInt32LE(4);
  return {
    request: header.readUInt32LE(0),
    isReply: (flags & replyFlag) !== 0 && (flags & versionMask) === version,
    length: header.readUInt32LE(8),
  };
}

/** A payload of 64 bits. */
export function u64(value: bigint): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeBigUInt64LE(value);
  return payload;
}
