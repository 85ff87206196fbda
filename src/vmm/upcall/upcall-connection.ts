import type { Duplex } from "node:stream";
import {
  checkGreeting,
  decodeReply,
  encodeRequest,
  messageBytes,
  type UpcallReply,
  type UpcallRequest,
  upcallService,
} from "../../core/upcall/message.js";
import { readExactly } from "../../core/upcall/read-exactly.js";

/**
 * A connection with the guest's service: greeted once, then one request and its reply at a time. What is not understood
 * ends it.
 */
export class UpcallConnection {
  readonly #stream: Duplex;

  private constructor(stream: Duplex) {
    this.#stream = stream;
    // Whoever reads sees the error; between two requests a connection that breaks is only noticed.
    stream.on("error", () => undefined);
  }

  /** Chooses the service, and waits for its greeting; undefined when the guest hangs up. `KATA_UPCALL_MESSAGE`. */
  static async open(stream: Duplex): Promise<UpcallConnection | undefined> {
    const connection = new UpcallConnection(stream);
    try {
      stream.write(Uint8Array.of(upcallService));
      const greeting = await readExactly(stream, messageBytes).catch(() => undefined);
      if (greeting === undefined) {
        stream.destroy();
        return undefined;
      }
      checkGreeting(greeting);
      return connection;
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  /** Whether requests can be made. */
  get isOpen(): boolean {
    return !this.#stream.destroyed && !this.#stream.readableEnded;
  }

  /** Asks the guest; undefined when it hangs up. `KATA_UPCALL_MESSAGE` for a reply that is none, which ends the connection. */
  async ask(request: UpcallRequest): Promise<UpcallReply | undefined> {
    try {
      this.#stream.write(encodeRequest(request));
      const bytes = await readExactly(this.#stream, messageBytes).catch(() => undefined);
      if (bytes !== undefined) return decodeReply(request.kind, bytes);
      this.close();
      return undefined;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#stream.destroy();
  }
}
