/** What a machine can be made to do at its end. */
export type PowerAction = "power-off" | "restart" | "halt";

/** The machine as a whole: what a guest's agent needs, and nothing a host's runtime should call. */
export interface Machine {
  /** reboot(2), at once and without syncing: call `sync` before. */
  reboot(action: PowerAction): void;

  /** Writes out what file systems hold back. Can take as long as the disks do. */
  sync(): Promise<void>;

  hostname(): string;

  setHostname(name: string): void;

  setDomainName(name: string): void;

  /** Sets the wall clock. */
  setTime(time: { readonly seconds: number | bigint; readonly nanoseconds: number }): void;

  /** Mixes bytes from the host into the kernel's random numbers, credits them as entropy, and reseeds at once. */
  reseed(bytes: Uint8Array): void;

  /** swapon(2): pages may be written to that block device, which has the head of a swap area, from now on. */
  swapOn(device: string): void;
}
