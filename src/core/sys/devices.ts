/** The most bytes that one array may show: Node 20 ends the process for a longer one. */
export const viewLimit = 2 ** 32;

/** Access to a mapping: `PROT_*` and `MAP_*` in words. */
export interface MapRequest {
  /** What to map; absent: anonymous memory. */
  readonly fd?: number;
  /** Bytes, at least 1. */
  readonly length: number;
  /** Into the file, a multiple of the page size. */
  readonly offset?: number;
  readonly write?: boolean;
  /** Changes go to the file and to others that map it. True by default. */
  readonly shared?: boolean;
  /** Do not reserve swap for it: `MAP_NORESERVE`. */
  readonly noReserve?: boolean;
  /** Its address is a multiple of so many bytes, a power of two; of a page unless told. Not for `mapOver`. */
  readonly alignment?: number;
  /** In huge pages, as far as the host has them for memory like that: `MADV_HUGEPAGE`. */
  readonly huge?: boolean;
  /** False: processes that this one forks do not have it (`MADV_DONTFORK`), so that its pages stay where they are meanwhile. */
  readonly inherited?: boolean;
}

/** Memory mapped into this process. */
export interface Mapping {
  readonly address: bigint;
  /** Bytes. */
  readonly length: number;
  /** The memory itself; of a mapping longer than `viewLimit` its beginning, `Devices.view` shows the rest. */
  readonly bytes: Uint8Array;
  /**
   * Undoes the mapping. Views of `bytes` may still be touched: they show zeros from then on, and the address range is
   * given back when the last of them is collected. Idempotent.
   */
  unmap(): void;
}

/** Devices that are driven by ioctl(2) and mapped memory: /dev/kvm, /dev/net/tun, /dev/vhost-*. */
export interface Devices {
  /**
   * ioctl(2); gives what it returns. The argument is a number, or memory the kernel reads and writes: a buffer for the
   * length of the call, a `Mapping`'s address for longer. The buffer must be as long as the request says.
   */
  ioctl(fd: number, request: number, argument?: number | bigint | Uint8Array): number;

  map(request: MapRequest): Mapping;

  /**
   * Maps something else over a part of a mapping, at `at` bytes of it, a multiple of the page size: its bytes show that from
   * now on, and `unmap` undoes both. What is not within the mapping is `KATA_SYS_VALUE`.
   */
  mapOver(mapping: Mapping, at: number, request: MapRequest): void;

  /**
   * Memory of this process by its address, which another thread has mapped. Nothing keeps the mapping: it must outlive
   * every use of the view. More than `viewLimit` bytes is `KATA_SYS_VALUE`.
   */
  view(address: bigint, length: number): Uint8Array;

  /**
   * `madvise(MADV_DONTNEED)`: gives whole pages back; of memory that is no file's and not shared they read as zeros then. By
   * their address, which may be another thread's mapping. Bytes.
   */
  discard(address: bigint, length: number): void;
}
