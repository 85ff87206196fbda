/**
 * The memory of a guest as its devices see it. Addresses are guest-physical, in bytes; they come from the guest and are
 * checked here and nowhere else. What lies outside of the memory there is, wholly or in part, or crosses from one region
 * into another, is `KATA_VMM_GUEST_ADDRESS`: whoever serves a device ends that device for it, never the process. So is a
 * stretch of more than 2 GiB, which no request of a device is.
 */
export interface GuestMemory {
  /** Its regions, by address, none of which touches another. */
  readonly regions: readonly MemoryRegion[];
  /** The bytes themselves: what is written to the view the guest sees. A length of 0 is an empty view of any address. */
  slice(address: number, length: number): Uint8Array;
  /** The address of the first byte of a view that `slice` gave, or of a part of one. The view must not be empty. */
  addressOf(view: Uint8Array): number;
  /**
   * Little-endian, as virtio and x86 have it. The 64 bits must be below 2^53, as any address of memory is: others are
   * `KATA_VMM_GUEST_NUMBER`.
   */
  readU16(address: number): number;
  readU32(address: number): number;
  readU64(address: number): number;
  writeU16(address: number, value: number): void;
  writeU32(address: number, value: number): void;
  writeU64(address: number, value: number): void;
  /**
   * The same for numbers by which the guest's processors and a device tell each other what is ready: everything that was
   * written before is seen before, everything that is read after is read after. An odd address is `KATA_VMM_GUEST_ALIGNMENT`.
   */
  loadU16(address: number): number;
  storeU16(address: number, value: number): void;
}

/** A stretch of the guest's memory. */
export interface MemoryRegion {
  /** Guest-physical address, a multiple of the page size. */
  readonly address: number;
  /** Bytes, a multiple of the page size. */
  readonly size: number;
  /** Where this process has it mapped. */
  readonly hostAddress: bigint;
  readonly backing: MemoryBacking;
}

/** What is behind a region of memory. */
export type MemoryBacking =
  /** A file in memory, for other processes to map too, and where in it the region begins. */
  | { readonly kind: "file"; readonly fd: number; readonly offset: number }
  /** Nothing but pages of this process, which are zeros until they are written to. */
  | { readonly kind: "own" }
  /** Memory that was saved, and pages of this process where it was written to since. */
  | { readonly kind: "saved" };
