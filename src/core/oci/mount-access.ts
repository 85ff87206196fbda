/** Whether the last of `ro`, `rro`, `rw`, `rrw` says so. */
export function isReadOnly(options: readonly string[]): boolean {
  const last = options.findLast((option) => /^r?r[ow]$/.test(option));
  return last?.endsWith("o") ?? false;
}

/** Options that are for `mount(8)`, or for the mount in the container, and say nothing of a file system to the guest's kernel. */
const others = /^(r?r[ow]|loop|defaults|r?bind|r?(private|shared|slave|unbindable))$/;

/** What is left of a mount's options for the file system itself. Copies of an XFS have one UUID, which it mounts once only. */
export function mountOptions(options: readonly string[], fstype: string): string[] {
  const kept = options.filter((option) => !others.test(option));
  return fstype === "xfs" && !kept.includes("nouuid") ? [...kept, "nouuid"] : kept;
}
