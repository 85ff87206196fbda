import type { Inodes } from "../../core/sys/inodes.js";
import { refused } from "./refusals.js";

/** A file or directory that the guest has opened. */
export interface FuseHandle {
  readonly id: number;
  readonly fd: number;
  /** The node it is of. */
  readonly node: number;
  readonly directory: boolean;
  /** Each write waits for the disk. */
  readonly synchronous: boolean;
  /** Where the descriptor of a directory stands, in the file system's own count; undefined when nobody knows. */
  place: bigint | undefined;
  /** What is under way with the descriptor, beside the event loop. */
  users: number;
  released: boolean;
}

/** What is open, by the numbers the guest was given. A descriptor is closed when it is released and nothing uses it. */
export class HandleTable {
  readonly #inodes: Inodes;
  readonly #limit: number;
  readonly #handles = new Map<number, FuseHandle>();
  #nextId = 1;

  constructor(inodes: Inodes, limit: number) {
    this.#inodes = inodes;
    this.#limit = limit;
  }

  get size(): number {
    return this.#handles.size;
  }

  /** Whether no more can be opened. */
  get full(): boolean {
    return this.#handles.size >= this.#limit;
  }

  /** Takes the descriptor. */
  add(fd: number, node: number, { directory = false, synchronous = false } = {}): FuseHandle {
    const handle = { id: this.#nextId++, fd, node, directory, synchronous, place: 0n, users: 0, released: false };
    this.#handles.set(handle.id, handle);
    return handle;
  }

  /** Undefined for one that is not open, or of another node or kind. */
  get(id: number, node: number, directory: boolean): FuseHandle | undefined {
    const handle = this.#handles.get(id);
    return handle?.node === node && handle.directory === directory ? handle : undefined;
  }

  /** Keeps handles open until an action is done, which runs beside the event loop. */
  async use(handles: readonly FuseHandle[], action: () => Promise<number>): Promise<number> {
    for (const handle of handles) handle.users++;
    try {
      return await action();
    } finally {
      for (const handle of handles) {
        handle.users--;
        this.#settle(handle);
      }
    }
  }

  release(id: number, node: number, directory: boolean): number {
    const handle = this.get(id, node, directory);
    if (handle === undefined) return refused.badHandle;
    this.#handles.delete(id);
    handle.released = true;
    this.#settle(handle);
    return 0;
  }

  /** Releases all. */
  clear(): void {
    for (const { id, node, directory } of this.#handles.values()) this.release(id, node, directory);
  }

  #settle(handle: FuseHandle): void {
    if (handle.released && handle.users === 0) this.#inodes.close(handle.fd);
  }
}
