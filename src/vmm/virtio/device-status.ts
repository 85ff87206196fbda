/** Bits of a device's status (virtio 1.2, 2.1). */
export const deviceStatus = {
  acknowledge: 1,
  driver: 2,
  driverOk: 4,
  featuresOk: 8,
  needsReset: 64,
  failed: 128,
} as const;

/** The steps of a driver that starts, in their order (virtio 1.2, 3.1.1). */
export const startSteps: readonly number[] = [
  deviceStatus.acknowledge,
  deviceStatus.driver,
  deviceStatus.featuresOk,
  deviceStatus.driverOk,
];
