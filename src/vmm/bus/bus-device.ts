/**
 * A device at addresses of its own, of I/O ports or of memory. What the guest's processors read and write there comes here;
 * the guest chooses offset, length (1, 2, 4 or 8) and value.
 */
export interface BusDevice {
  /** Fills `into`, whose length is that of the access. What is not there reads as all ones or zeros, as in hardware. */
  read(offset: number, into: Uint8Array): void;
  /**
   * `bytes` is of the length of the access. What is not there swallows it. With a promise the processor goes on when it is
   * settled: a driver that has reset its device must not get its memory written to any more, and does not ask again.
   */
  write(offset: number, bytes: Uint8Array): void | Promise<void>;
}
