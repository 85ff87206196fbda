import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { KeyValue, Status } from "../proto/gen/ttrpc/ttrpc.js";
import type { MessageType } from "./definition.js";
import { rpcErrors } from "./errors.js";
import { bodyLimit, frameFlags, frameTypes, headerLength, writeHeader } from "./frame.js";

/** Tags of the fields of ttrpc's Request and Response, as they are written. */
const requestTags = { service: 10, method: 18, payload: 26, timeout: 32, metadata: 42 } as const;
const responseTags = { status: 10, payload: 18 } as const;

const blankHeader = new Uint8Array(headerLength);

/** A writer that has held more is dropped, so that one large message does not keep its memory. */
const writerKeep = 64 << 10;

let shared = new BinaryWriter();

/** Runs `write` on the writer that all frames share, and copies what it wrote out once. Throws what `write` throws. */
function body(write: (writer: BinaryWriter) => void): Uint8Array {
  let frame: Uint8Array;
  try {
    write(shared.raw(blankHeader));
    frame = shared.finish();
  } catch (error) {
    shared = new BinaryWriter();
    throw error;
  }
  if (frame.length > writerKeep) shared = new BinaryWriter();
  return frame;
}

function seal(frame: Uint8Array, streamId: number, type: number, flags: number, what: string): Uint8Array {
  const length = frame.length - headerLength;
  if (length > bodyLimit) throw rpcErrors.KATA_RPC_FRAME_TOO_LARGE({ what, length, limit: bodyLimit });
  writeHeader(frame, streamId, type, flags);
  return frame;
}

/** The part of a request that is the same for every call of a method. */
export function encodeRoute(service: string, method: string): Uint8Array {
  const writer = new BinaryWriter();
  return writer.uint32(requestTags.service).string(service).uint32(requestTags.method).string(method).finish();
}

/** What a request frame is made of. */
export interface RequestFrame<T> {
  readonly streamId: number;
  readonly flags: number;
  /** From `encodeRoute`. */
  readonly route: Uint8Array;
  readonly type: MessageType<T>;
  /** Undefined: no payload, not even an empty one. */
  readonly message: T | undefined;
  /** Nanoseconds; 0n: no limit. */
  readonly timeout: bigint;
  readonly metadata: readonly KeyValue[];
  /** For the error when it is too large. */
  readonly what: string;
}

/** A request frame. Throws `KATA_RPC_FRAME_TOO_LARGE`, or what encoding the message throws. */
export function encodeRequest<T>(request: RequestFrame<T>): Uint8Array {
  const frame = body((writer) => {
    writer.raw(request.route);
    if (request.message !== undefined) {
      request.type.encode(request.message, writer.uint32(requestTags.payload).fork()).join();
    }
    if (request.timeout !== 0n) writer.uint32(requestTags.timeout).int64(request.timeout);
    for (const pair of request.metadata) KeyValue.encode(pair, writer.uint32(requestTags.metadata).fork()).join();
  });
  return seal(frame, request.streamId, frameTypes.request, request.flags, request.what);
}

/** The frame that answers well. An empty message makes an empty body, as Go's ttrpc sends it. */
export function encodeResponse<T>(streamId: number, type: MessageType<T>, message: T, what: string): Uint8Array {
  const frame = body((writer) => type.encode(message, writer.uint32(responseTags.payload).fork()).join());
  const empty = frame[headerLength + 1] === 0;
  return seal(empty ? frame.subarray(0, headerLength) : frame, streamId, frameTypes.response, 0, what);
}

/** The frame that answers with a failure and ends the stream. */
export function encodeFailure(streamId: number, status: Status): Uint8Array {
  const frame = body((writer) => Status.encode(status, writer.uint32(responseTags.status).fork()).join());
  return seal(frame, streamId, frameTypes.response, 0, "a status");
}

/** One message of a stream. */
export function encodeData<T>(streamId: number, type: MessageType<T>, message: T, what: string): Uint8Array {
  const frame = body((writer) => type.encode(message, writer));
  return seal(frame, streamId, frameTypes.data, 0, what);
}

/** Says that the sender's side of a stream has ended. */
export function encodeEnd(streamId: number): Uint8Array {
  const frame = new Uint8Array(headerLength);
  writeHeader(frame, streamId, frameTypes.data, frameFlags.remoteClosed | frameFlags.noData);
  return frame;
}
