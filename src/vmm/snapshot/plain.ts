/** What JSON can hold: how state goes into a file and from thread to thread. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [name: string]: Plain };

/** Bytes as plain data: base64. */
export const plainBytes = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");

/** An integer of any size as plain data: in hexadecimal. */
export const plainInteger = (value: bigint): string => value.toString(16);
