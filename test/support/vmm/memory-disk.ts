import type { Disk } from "../../../src/vmm/virtio/block/disk.js";
import { lengthOf } from "../../../src/vmm/virtio/chain-bytes.js";

/** A disk in memory, which can be made to wait and to fail. What is done is noted, and what must not be. */
export class MemoryDisk implements Disk {
  readonly bytes: number;
  readonly content: Uint8Array;
  readonly calls: string[] = [];
  readOnly = false;
  /** Every other call takes a turn of the event loop. */
  slow = false;
  /** Reads are done when they are called. */
  atOnce = false;
  /** Calls wait for `release` while this is set. */
  held = false;
  failure: Error | undefined;
  underWay = 0;
  /** Calls for what the disk does not have. */
  strays = 0;
  #waiting: (() => void)[] = [];

  constructor(bytes: number) {
    this.bytes = bytes;
    this.content = new Uint8Array(bytes);
  }

  /** Lets all go on that waits, or the oldest. */
  release(count = Number.POSITIVE_INFINITY): void {
    for (const go of this.#waiting.splice(0, count)) go();
  }

  read(into: readonly Uint8Array[], position: number): void | Promise<void> {
    this.#check(position, lengthOf(into));
    const fill = (): void => {
      let at = position;
      for (const view of into) {
        view.set(this.content.subarray(at, at + view.length));
        at += view.length;
      }
    };
    if (this.atOnce) fill();
    else return this.#call("read", position, fill);
  }

  write(from: readonly Uint8Array[], position: number): Promise<void> {
    this.#check(position, lengthOf(from), true);
    return this.#call("write", position, () => {
      let at = position;
      for (const view of from) {
        this.content.set(view, at);
        at += view.length;
      }
    });
  }

  flush(): Promise<void> {
    return this.#call("flush", 0, () => undefined);
  }

  discard(position: number, length: number): Promise<void> {
    this.#check(position, length, true);
    return this.#call(`discard ${length}`, position, () => this.content.fill(0, position, position + length));
  }

  writeZeroes(position: number, length: number, mayDiscard: boolean): Promise<void> {
    this.#check(position, length, true);
    const name = `zero ${length}${mayDiscard ? " or discard" : ""}`;
    return this.#call(name, position, () => this.content.fill(0, position, position + length));
  }

  async close(): Promise<void> {
    this.calls.push("close");
  }

  #check(position: number, length: number, changes = false): void {
    if ((changes && this.readOnly) || !(position >= 0 && position + length <= this.bytes)) this.strays++;
  }

  async #call(name: string, position: number, action: () => void): Promise<void> {
    this.calls.push(`${name} at ${position}`);
    this.underWay++;
    try {
      if (this.held) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      if (this.slow && this.calls.length % 2 === 0) await new Promise<void>((resolve) => setImmediate(resolve));
      if (this.failure !== undefined) throw this.failure;
      action();
    } finally {
      this.underWay--;
    }
  }
}
