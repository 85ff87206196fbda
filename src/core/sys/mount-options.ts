import type { Propagation } from "./mounts.js";

/** A mount as an OCI spec or a containerd request carries it. */
export interface OciMount {
  readonly source?: string;
  /** `bind` or none with the option `bind`: a bind mount. */
  readonly type?: string;
  readonly options?: readonly string[];
}

/** What a list of mount options means to mount(2). */
export interface MountOptions {
  /** `MS_*` bits to set. */
  readonly flags: number;
  /** `MS_*` bits an option like `rw` or `exec` takes away from what a remount would keep. */
  readonly cleared: number;
  readonly propagation?: { readonly kind: Propagation; readonly recursive: boolean };
  /** What the file system itself is given, joined by commas. */
  readonly data: string;
}
