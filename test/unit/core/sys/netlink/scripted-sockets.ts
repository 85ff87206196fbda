import { encodeMessage, messagesOf } from "../../../../../src/core/sys/netlink/message.js";
import type { Sockets } from "../../../../../src/core/sys/sockets.js";

/** A message that a script has the kernel answer. */
export interface ScriptedMessage {
  readonly type: number;
  /** 0 unless told. */
  readonly flags?: number;
  /** Of the request, which is 0, or of one before or after it. */
  readonly relative?: number;
  readonly payload?: Uint8Array;
}

/** A datagram of a script. */
export interface ScriptedDatagram {
  readonly messages: readonly ScriptedMessage[];
  /** Bytes that are missing at its end. */
  readonly cut?: number;
}

/** A kernel that answers every request by the next part of a script, and is silent when that is at its end. */
export class ScriptedSockets {
  readonly #answers: (readonly ScriptedDatagram[])[];
  readonly #waiting: Uint8Array[] = [];
  /** Types of the requests so far. */
  readonly requests: number[] = [];

  constructor(...answers: (readonly ScriptedDatagram[])[]) {
    this.#answers = answers;
  }

  /** What a `NetlinkSocket` needs of `Sockets`. */
  get sockets(): Pick<Sockets, "send" | "receive" | "setOption"> {
    return {
      setOption: () => undefined,
      send: (_fd, bytes) => {
        for (const { type, sequence } of messagesOf(bytes)) {
          this.requests.push(type);
          for (const one of this.#answers.shift() ?? []) this.#waiting.push(datagram(one, sequence));
        }
        return bytes.length;
      },
      receive: (_fd, into) => {
        const next = this.#waiting.shift();
        if (next === undefined) return undefined;
        into.set(next.subarray(0, into.length));
        return next.length;
      },
    };
  }
}

function datagram({ messages, cut = 0 }: ScriptedDatagram, sequence: number): Uint8Array {
  const parts = messages.map(({ type, flags = 0, relative = 0, payload = new Uint8Array(0) }) =>
    encodeMessage({ type, flags, sequence: (sequence + relative) >>> 0, payload }),
  );
  const whole = Buffer.concat(parts);
  return whole.subarray(0, Math.max(0, whole.length - cut));
}
