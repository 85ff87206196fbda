/**
 * Which extended attributes are the guest's: those of its programs' own, and the capabilities of programs. The rest is the
 * host's, and neither shown nor changed: `trusted.` is how its overlay file systems and others keep what they rely on,
 * `security.` has its labels and signatures, `system.` access lists that nobody would check.
 */
export function isGuestAttribute(name: Uint8Array): boolean {
  const text = Buffer.from(name.buffer, name.byteOffset, name.length - 1).toString("latin1");
  return (text.startsWith("user.") && text.length > 5) || text === "security.capability";
}

/** Of a list of names, each with a zero byte, those that are the guest's, in its place; how many bytes they are. */
export function keepGuestAttributes(list: Uint8Array): number {
  let kept = 0;
  for (let at = 0; at < list.length; ) {
    const end = list.indexOf(0, at);
    if (end < 0) break;
    const name = list.subarray(at, end + 1);
    if (isGuestAttribute(name)) {
      list.copyWithin(kept, at, end + 1);
      kept += name.length;
    }
    at = end + 1;
  }
  return kept;
}
