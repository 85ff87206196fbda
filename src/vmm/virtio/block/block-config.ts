/** Bytes of a sector, whatever the disk's are (virtio 1.2, 5.2). */
export const sectorSize = 512;

/** Feature bits (virtio 1.2, 5.2.3). */
export const blockFeature = {
  segmentBytesMax: 1n << 1n,
  segmentsMax: 1n << 2n,
  readOnly: 1n << 5n,
  blockSize: 1n << 6n,
  flush: 1n << 9n,
  topology: 1n << 10n,
  queues: 1n << 12n,
  discard: 1n << 13n,
  writeZeroes: 1n << 14n,
} as const;

/** The most bytes of one segment: with the number of segments this bounds how long a request keeps a thread of the host. */
export const segmentBytes = 1 << 19;

/** Bounds of discarding and of writing zeros: sectors of one range, and ranges of one request. */
export const clearLimits = { discardSectors: 1 << 21, zeroSectors: 1 << 16, ranges: 16 } as const;

/** What the configuration tells of. */
export interface BlockGeometry {
  readonly sectors: number;
  readonly segments: number;
  readonly queues: number;
  readonly readOnly: boolean;
  /** Bytes of the smallest piece that is read or written, and of what the disk writes at once. Powers of two. */
  readonly logicalSector: number;
  readonly physicalSector: number;
}

/** Bytes of a page of the host's cache, which are read and written whole. */
export const pageBytes = 4096;

/** `struct virtio_blk_config` (virtio 1.2, 5.2.4). */
export function blockConfiguration(geometry: BlockGeometry): Uint8Array {
  const { sectors, segments, queues, readOnly, logicalSector, physicalSector } = geometry;
  const fields = new DataView(new ArrayBuffer(60));
  fields.setBigUint64(0, BigInt(sectors), true);
  fields.setUint32(8, segmentBytes, true);
  fields.setUint32(12, segments, true);
  fields.setUint32(20, logicalSector, true);
  // The exponent of how many logical sectors there are to a physical one.
  fields.setUint8(24, Math.log2(physicalSector / logicalSector));
  fields.setUint16(34, queues, true);
  if (!readOnly) {
    fields.setUint32(36, clearLimits.discardSectors, true);
    fields.setUint32(40, clearLimits.ranges, true);
    fields.setUint32(44, physicalSector / sectorSize, true);
    fields.setUint32(48, clearLimits.zeroSectors, true);
    fields.setUint32(52, clearLimits.ranges, true);
    fields.setUint8(56, 1);
  }
  return new Uint8Array(fields.buffer);
}

/** The features of a disk like that. */
export function blockFeatures({ queues, readOnly }: BlockGeometry): bigint {
  const { segmentBytesMax, segmentsMax, blockSize, flush, topology, discard, writeZeroes } = blockFeature;
  const always = segmentBytesMax | segmentsMax | blockSize | flush | topology;
  return always | (readOnly ? blockFeature.readOnly : discard | writeZeroes) | (queues > 1 ? blockFeature.queues : 0n);
}
