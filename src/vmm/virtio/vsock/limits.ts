/** Bounds of the vsock device, as Dragonball has them. A test may have shorter times. */
export interface VsockLimits {
  /** Connections at a time, those included that are being made or ended. */
  readonly connections: number;
  /** Milliseconds for each step of a connection that is made: a host's program names a port, the driver is there, one accepts. */
  readonly requestMs: number;
  /** Milliseconds for a connection that both sides have shut down to deliver what is left, and to be over. */
  readonly shutdownMs: number;
}

export const vsockLimits: VsockLimits = { connections: 1023, requestMs: 2_000, shutdownMs: 2_000 };

/** Bytes of the guest's that a connection holds while the host's program does not read them. */
export const bufferBytes = 65_536;

/** Bytes of data in one packet, either way. */
export const packetBytes = 65_536;
