/**
 * What a block device keeps its sectors in. Positions and lengths in bytes, within `bytes`: whoever calls has checked. Calls
 * may overlap and end in any order; views stay in use until the call ends. A call that is refused rejects.
 */
export interface Disk {
  readonly bytes: number;
  readonly readOnly: boolean;
  /** Fills all of the views; that is done already when there is no promise. */
  read(into: readonly Uint8Array[], position: number): void | Promise<void>;
  write(from: readonly Uint8Array[], position: number): Promise<void>;
  /** What was written before by calls that have ended survives a loss of power. */
  flush(): Promise<void>;
  /** The range reads as zeros, its space is given back. EOPNOTSUPP where that cannot be. */
  discard(position: number, length: number): Promise<void>;
  /** The range reads as zeros; its space may be given back only if `mayDiscard`. */
  writeZeroes(position: number, length: number, mayDiscard: boolean): Promise<void>;
  /** No call is under way any more. Idempotent. */
  close(): Promise<void>;
}
