import { realpathSync } from "node:fs";
import { join } from "node:path";
import type { ContainerdMount, Rootfs, RootfsContribution, RootfsRequest } from "../../../core/contracts/rootfs.js";
import type { Share } from "../../../core/contracts/share-fs.js";
import { codeOf, messageOf } from "../../../core/errors/error.js";
import { isPlainObject } from "../../../core/sandbox/plain-object.js";
import type { SandboxRecord } from "../../../core/sandbox/record.js";
import { stateErrors } from "../../../core/sandbox/state-errors.js";
import { OpenFlag } from "../../../core/sys/open-flags.js";
import type { Sys } from "../../../core/sys/sys.js";
import { sharedRootfsErrors } from "./errors.js";

/** What it works with. */
export interface SharedRootfsParts {
  readonly sys: Sys;
  /** Where mounts are noted; absent outside of a sandbox. */
  readonly record: SandboxRecord | undefined;
}

/**
 * A root file system that is a directory of the host: what the snapshotter names is mounted at `<bundle>/rootfs`, and that,
 * or the spec's own directory when there is nothing to mount, is shared as `<container>/rootfs`.
 *
 * It is shared for writing also when the container's root is read-only: the guest has to make mount points in it first,
 * and makes it read-only after.
 */
export class SharedRootfs implements Rootfs {
  readonly name: string;
  readonly #parts: SharedRootfsParts;
  readonly #request: RootfsRequest;
  /** Where mounts were made, if any were begun. */
  #target: string | undefined;
  #share: Share | undefined;

  constructor(parts: SharedRootfsParts, request: RootfsRequest) {
    this.name = `rootfs of ${request.containerId}`;
    this.#parts = parts;
    this.#request = request;
  }

  async prepare(signal: AbortSignal): Promise<RootfsContribution> {
    const { containerId, mounts, rootPath, shareFs } = this.#request;
    if (shareFs === undefined) throw sharedRootfsErrors.KATA_ROOTFS_NO_SHARE({ container: containerId });
    const source = mounts.length > 0 ? await this.#mountAll(mounts, signal) : rootPath;
    this.#share = await shareFs.share({ name: `${containerId}/rootfs`, source, readOnly: false });
    return { guestPath: this.#share.guestPath };
  }

  state(): unknown {
    return { mounted: this.#target !== undefined };
  }

  async adopt(state: unknown): Promise<void> {
    const { containerId, bundle, shareFs } = this.#request;
    const refuse = (problem: string): Error => stateErrors.KATA_RECOVER_PART({ what: `the ${this.name}`, problem });
    const mounted = isPlainObject(state) ? state["mounted"] : undefined;
    if (typeof mounted !== "boolean") throw refuse("its state does not say whether it is mounted");
    const name = `${containerId}/rootfs`;
    this.#share = shareFs?.shared?.(name);
    if (this.#share === undefined) throw refuse(`nothing is shared as ${name}`);
    if (!mounted) return;
    const target = mountPointOf(bundle);
    if (target === undefined) throw refuse(`its bundle ${bundle} is gone`);
    if (!this.#parts.sys.mounts.isMountPoint(target)) throw refuse(`nothing is mounted at ${target} any more`);
    this.#target = target;
  }

  async cleanup(): Promise<void> {
    await this.#share?.release();
    const target = this.#target;
    if (target === undefined) return;
    // Lazily: the daemon may still hold files of it open, and forgets them only when the guest does.
    await this.#parts.sys.mounts.unmountTree(target, { detach: true });
    this.#parts.record?.forget(target);
    this.#target = undefined;
  }

  /** Mounts one after the other at `<bundle>/rootfs`, or below it where a mount says so. */
  async #mountAll(mounts: readonly ContainerdMount[], signal: AbortSignal): Promise<string> {
    const { sys, record } = this.#parts;
    const bundle = realpathSync(this.#request.bundle);
    const target = join(bundle, "rootfs");
    sys.descriptors.close(sys.files.mkdirBeneath(bundle, "rootfs", 0o711));
    record?.mount(target);
    this.#target = target;
    for (const [index, mount] of mounts.entries()) {
      signal.throwIfAborted();
      try {
        await this.#mountOne(bundle, mount);
      } catch (error) {
        const { type, source } = mount;
        const parts = { container: this.#request.containerId, index, type, source, problem: messageOf(error) };
        throw sharedRootfsErrors.KATA_ROOTFS_MOUNT({ ...parts, target: join(target, mount.target) }, { cause: error });
      }
    }
    return target;
  }

  async #mountOne(bundle: string, mount: ContainerdMount): Promise<void> {
    const { files, mounts, descriptors } = this.#parts.sys;
    // Opened for each anew: it is on top of what was mounted before it.
    const root = files.openBeneath(bundle, "rootfs", OpenFlag.pathOnly | OpenFlag.directory);
    try {
      const target = files.openInRoot(root, `/${mount.target}`, OpenFlag.pathOnly | OpenFlag.directory);
      try {
        await mounts.mountOci(mount, target);
      } finally {
        descriptors.close(target);
      }
    } finally {
      descriptors.close(root);
    }
  }
}

/** Where the root of a bundle is mounted, as the kernel lists it; undefined when the bundle is gone. */
function mountPointOf(bundle: string): string | undefined {
  try {
    return join(realpathSync(bundle), "rootfs");
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}
