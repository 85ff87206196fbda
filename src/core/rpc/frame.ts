/** Bytes before a frame's body: its length (32 bits, big-endian), stream id (32), type (8), flags (8). */
export const headerLength = 10;

/** Bytes a body has at most, in both directions. */
export const bodyLimit = 4 << 20;

/** What a frame is (containerd/ttrpc, PROTOCOL.md). */
export const frameTypes = { request: 1, response: 2, data: 3 } as const;

/** Flags of request and data frames. */
export const frameFlags = {
  /** The sender sends nothing more on this stream. */
  remoteClosed: 1,
  /** The sender of this request will send data on the stream. */
  remoteOpen: 2,
  /** A data frame that carries no message, not even an empty one. */
  noData: 4,
} as const;

/** Takes finished frames. `body` belongs to the taker. */
export type FrameSink = (streamId: number, type: number, flags: number, body: Uint8Array) => void;

/** Writes a frame's header at the start of `frame`, whose body is the rest. */
export function writeHeader(frame: Uint8Array, streamId: number, type: number, flags: number): void {
  const length = frame.length - headerLength;
  frame[0] = length >>> 24;
  frame[1] = length >>> 16;
  frame[2] = length >>> 8;
  frame[3] = length;
  frame[4] = streamId >>> 24;
  frame[5] = streamId >>> 16;
  frame[6] = streamId >>> 8;
  frame[7] = streamId;
  frame[8] = type;
  frame[9] = flags;
}
