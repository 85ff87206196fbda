/** Builds the guest image from packages of the distribution, and finds the one built last. */
export { type BuildOptions, type BuildProgress, buildGuestImage, buildSteps, defaultCacheRoot } from "./build.js";
export { currentGuestImage } from "./current.js";
export { imageErrors } from "./errors.js";
export type { GuestImage } from "./guest-image.js";
export type { Manifest, ManifestFile } from "./manifest.js";
