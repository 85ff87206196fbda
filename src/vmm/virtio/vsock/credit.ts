import { bufferBytes } from "./limits.js";

/** The difference of two counters of bytes, which wrap at 2^32. */
const since = (later: number, earlier: number): number => (later - earlier) >>> 0;

/**
 * Who may send how much on one connection (virtio 1.2, 5.10.6.3). Either side says how many bytes it can hold and how many
 * it has passed on; the other sends no more than fits. Of what the guest says nothing is believed but what limits us.
 */
export class Credit {
  #received = 0;
  #forwarded = 0;
  #told = 0;
  #sent = 0;
  #guestAllocated = 0;
  #guestForwarded = 0;

  /** Counts bytes that came from the guest; false when they are more than it was told would fit. */
  receive(bytes: number): boolean {
    if (since(this.#received, this.#forwarded) + bytes > bufferBytes) return false;
    this.#received = (this.#received + bytes) >>> 0;
    return true;
  }

  /** Counts bytes that the host's program has been given; true when the guest should hear of it now. */
  forward(bytes: number): boolean {
    this.#forwarded = (this.#forwarded + bytes) >>> 0;
    return since(this.#forwarded, this.#told) >= bufferBytes / 4;
  }

  /** What to tell the guest in a packet that is sent now. */
  tell(): { readonly allocated: number; readonly forwarded: number } {
    this.#told = this.#forwarded;
    return { allocated: bufferBytes, forwarded: this.#forwarded };
  }

  /** Takes in what a packet of the guest's says. */
  hear(allocated: number, forwarded: number): void {
    this.#guestAllocated = allocated;
    this.#guestForwarded = forwarded;
  }

  /** Bytes that may be sent to the guest now. */
  get room(): number {
    return Math.max(0, this.#guestAllocated - since(this.#sent, this.#guestForwarded));
  }

  /** Counts bytes that were sent to the guest. */
  send(bytes: number): void {
    this.#sent = (this.#sent + bytes) >>> 0;
  }
}
