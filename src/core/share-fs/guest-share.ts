import type { GuestStorage } from "../contracts/guest.js";

/** Where the guest has the tree, as in Kata. */
export const guestDirectory = "/run/kata-containers/shared/containers";

/** By what it mounts it. */
export const shareTag = "kataShared";

/** What the agent mounts, with further options of its mount. */
export function guestStorage(options: readonly string[] = []): GuestStorage {
  return {
    driver: "virtio-fs",
    source: shareTag,
    fstype: "virtiofs",
    options: ["nodev", ...options],
    mountPoint: guestDirectory,
  };
}
