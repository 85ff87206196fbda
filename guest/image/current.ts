import { ImageCache } from "./cache.js";
import { type GuestImage, imageOf } from "./guest-image.js";

/** The guest image that was built last in a cache; undefined when none was. Builds nothing and waits for nobody. */
export function currentGuestImage(cacheRoot: string): GuestImage | undefined {
  const cache = new ImageCache(cacheRoot);
  const hash = cache.currentHash();
  return hash === undefined ? undefined : imageOf(cache, hash, true);
}
