import type { Interest, Readiness } from "../../../src/core/sys/descriptors.js";
import { SysError } from "../../../src/core/sys/sys-error.js";
import type { TapOffloads } from "../../../src/core/sys/taps.js";
import type { NetOptions } from "../../../src/vmm/virtio/net/net.js";

/** Queues of a tap, by their descriptors, without a kernel. */
export class FakeTap {
  readonly queues: FakeQueue[];
  readonly calls: unknown[] = [];

  constructor(count: number) {
    this.queues = Array.from({ length: count }, (_, fd) => new FakeQueue(fd));
  }

  get fds(): number[] {
    return this.queues.map((queue) => queue.fd);
  }

  get sys(): NetOptions["sys"] {
    const of = (fd: number): FakeQueue => this.queues[fd] as FakeQueue;
    const descriptors: Partial<NetOptions["sys"]["descriptors"]> = {
      readVector: (fd, pieces) => of(fd).read(pieces),
      writeVector: (fd, pieces) => of(fd).write(pieces),
      watch: (fd, interest, onReady) => of(fd).watch(interest, onReady),
      close: (fd) => void this.calls.push(["close", fd]),
    };
    return {
      descriptors: descriptors as NetOptions["sys"]["descriptors"],
      taps: {
        open: () => [],
        openMacvtap: () => [],
        setHeaderBytes: (fd: number, bytes: number) => void this.calls.push(["header", fd, bytes]),
        setOffloads: (fd: number, offloads: TapOffloads) => void this.calls.push(["offloads", fd, offloads]),
        setAttached: (fd: number, attached: boolean) => void this.calls.push(["attached", fd, attached]),
      },
    };
  }
}

/** One queue: what it has to be read, what was written, and whether somebody waits. */
export class FakeQueue {
  readonly fd: number;
  readonly frames: Buffer[] = [];
  readonly sent: Buffer[] = [];
  interest: Interest = {};
  watched = false;
  /** What a write ends with instead: an errno's name, or `full`. */
  refusal: string | undefined;
  #onReady: (ready: Readiness) => void = () => undefined;

  constructor(fd: number) {
    this.fd = fd;
  }

  read(pieces: readonly Uint8Array[]): number | undefined {
    const frame = this.frames.shift();
    if (frame === undefined) return undefined;
    let at = 0;
    for (const piece of pieces) at += frame.copy(piece, 0, at, Math.min(frame.length, at + piece.length));
    return at;
  }

  write(pieces: readonly Uint8Array[]): number | undefined {
    if (this.refusal === "full") return undefined;
    if (this.refusal !== undefined) throw new SysError("writev", [this.fd], 1, this.refusal);
    const frame = Buffer.concat(pieces);
    this.sent.push(frame);
    return frame.length;
  }

  watch(interest: Interest, onReady: (ready: Readiness) => void) {
    this.watched = true;
    this.interest = interest;
    this.#onReady = onReady;
    return {
      update: (next: Interest) => void (this.interest = next),
      close: () => void (this.watched = false),
      ref: () => undefined,
      unref: () => undefined,
    };
  }

  /** A frame arrives. */
  arrive(frame: Buffer): void {
    this.frames.push(frame);
    if (this.interest.readable === true) this.#onReady({ readable: true, writable: false });
  }

  /** There is room again. */
  drain(): void {
    this.refusal = undefined;
    if (this.interest.writable === true) this.#onReady({ readable: false, writable: true });
  }
}
