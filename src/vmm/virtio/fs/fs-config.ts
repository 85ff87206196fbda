/** Bytes of the tag, filled up with zeros, and of the configuration (virtio 1.2, 5.11.4). */
const tagBytes = 36;
const configurationBytes = 40;

/** Why a tag is none; undefined for one that is. */
export function tagProblem(tag: string): string | undefined {
  const bytes = Buffer.from(tag);
  if (bytes.length >= 1 && bytes.length <= tagBytes && !bytes.includes(0)) return undefined;
  return `it has ${bytes.length} bytes; 1 to ${tagBytes} there may be, none of them 0`;
}

/** `struct virtio_fs_config`, for a tag that is one. */
export function fsConfiguration(tag: string, requestQueues: number): Buffer {
  const configuration = Buffer.alloc(configurationBytes);
  configuration.write(tag, 0, tagBytes);
  configuration.writeUInt32LE(requestQueues, tagBytes);
  return configuration;
}
