/** Bytes in all of the views. */
export function lengthOf(views: readonly Uint8Array[]): number {
  let length = 0;
  for (const view of views) length += view.length;
  return length;
}

/**
 * The views with `count` bytes less at their beginning: how a request is cut up does not say where its parts end (virtio 1.2,
 * 2.7.4). Empty when there are no more.
 */
export function dropFirst(views: readonly Uint8Array[], count: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  let drop = count;
  for (const view of views) {
    if (drop < view.length) left.push(drop === 0 ? view : view.subarray(drop));
    drop = Math.max(0, drop - view.length);
  }
  return left;
}

/**
 * A copy of the first `length` bytes, which the guest cannot change any more; undefined when there are fewer. What a device
 * decides by is copied before it is looked at.
 */
export function copyFirst(views: readonly Uint8Array[], length: number): Uint8Array | undefined {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const view of views) {
    if (at === length) break;
    const part = view.length > length - at ? view.subarray(0, length - at) : view;
    bytes.set(part, at);
    at += part.length;
  }
  return at === length ? bytes : undefined;
}

/** Writes as many of the bytes as there is room for; how many that were. */
export function fillWith(views: readonly Uint8Array[], bytes: Uint8Array): number {
  let at = 0;
  for (const view of views) {
    if (at === bytes.length) break;
    const part = bytes.subarray(at, at + view.length);
    view.set(part);
    at += part.length;
  }
  return at;
}
