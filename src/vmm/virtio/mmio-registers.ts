/** Registers of virtio over memory-mapped I/O, version 2: offsets in bytes (virtio 1.2, 4.2.2). */
export const mmioRegister = {
  magic: 0x000,
  version: 0x004,
  deviceId: 0x008,
  vendorId: 0x00c,
  deviceFeatures: 0x010,
  deviceFeaturesSelect: 0x014,
  driverFeatures: 0x020,
  driverFeaturesSelect: 0x024,
  queueSelect: 0x030,
  queueSizeMax: 0x034,
  queueSize: 0x038,
  queueReady: 0x044,
  queueNotify: 0x050,
  interruptStatus: 0x060,
  interruptAck: 0x064,
  status: 0x070,
  queueDescriptorsLow: 0x080,
  queueDescriptorsHigh: 0x084,
  queueDriverLow: 0x090,
  queueDriverHigh: 0x094,
  queueDeviceLow: 0x0a0,
  queueDeviceHigh: 0x0a4,
  sharedMemoryLengthLow: 0x0b0,
  sharedMemoryLengthHigh: 0x0b4,
  sharedMemoryBaseLow: 0x0b8,
  sharedMemoryBaseHigh: 0x0bc,
  configGeneration: 0x0fc,
  /** The device's own configuration from here on. */
  config: 0x100,
} as const;

/** `virt`. */
export const mmioMagic = 0x74726976;
export const mmioVersion = 2;
/** `kata`: ours, since none is given out. */
export const mmioVendor = 0x6174616b;

/** Bits of the interrupt status. */
export const interruptReason = { queue: 1, configuration: 2 } as const;
