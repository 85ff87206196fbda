import type { TapOffloads } from "../../../core/sys/taps.js";

/** Features of a network device that are ours (virtio 1.2, 5.1.3). */
export const netFeature = {
  /** The device finishes checksums, and frames of TCP that are longer than the link's. */
  checksum: 1n << 0n,
  hostTso4: 1n << 11n,
  hostTso6: 1n << 12n,
  hostEcn: 1n << 13n,
  /** The driver does. */
  guestChecksum: 1n << 1n,
  guestTso4: 1n << 7n,
  guestTso6: 1n << 8n,
  guestEcn: 1n << 9n,
  mtu: 1n << 3n,
  mac: 1n << 5n,
  /** A frame for the driver may take several buffers. */
  mergeable: 1n << 15n,
  status: 1n << 16n,
  control: 1n << 17n,
  multiQueue: 1n << 22n,
} as const;

const always =
  netFeature.checksum |
  netFeature.hostTso4 |
  netFeature.hostTso6 |
  netFeature.hostEcn |
  netFeature.guestChecksum |
  netFeature.guestTso4 |
  netFeature.guestTso6 |
  netFeature.guestEcn |
  netFeature.mac |
  netFeature.mergeable |
  netFeature.status;

/** What a device offers with so many queue pairs; with one there is nothing to control. */
export function offeredFeatures(queuePairs: number, hasMtu: boolean): bigint {
  const several = queuePairs > 1 ? netFeature.control | netFeature.multiQueue : 0n;
  return always | several | (hasMtu ? netFeature.mtu : 0n);
}

/** What the tap may leave undone for a driver that has taken these features; the rest needs checksums (virtio 1.2, 5.1.3.1). */
export function offloadsOf(features: bigint): TapOffloads {
  const has = (feature: bigint): boolean => (features & feature) !== 0n;
  const checksum = has(netFeature.guestChecksum);
  const tso4 = checksum && has(netFeature.guestTso4);
  const tso6 = checksum && has(netFeature.guestTso6);
  return { checksum, tso4, tso6, ecn: (tso4 || tso6) && has(netFeature.guestEcn) };
}
