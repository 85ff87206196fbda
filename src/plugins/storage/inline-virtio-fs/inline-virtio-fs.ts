import type { Share, ShareFs, ShareFsContribution, ShareRequest } from "../../../core/contracts/share-fs.js";
import type { SandboxRecord } from "../../../core/sandbox/record.js";
import { guestStorage, shareTag } from "../../../core/share-fs/guest-share.js";
import { SharedFiles } from "../../../core/share-fs/shared-files.js";
import type { Sys } from "../../../core/sys/sys.js";
import type { InlineSettings } from "./settings.js";

/** What a share is made from. */
export interface InlineVirtioFsParts {
  readonly sys: Sys;
  readonly record: SandboxRecord;
  /** The sandbox's directory of the shared tree, which may not exist yet. */
  readonly directory: string;
  readonly settings: InlineSettings;
}

/**
 * A tree shared with the guest over virtio-fs by the hypervisor itself. It stops working only with the machine, so `failed`
 * never settles: the end of the machine is told by the hypervisor.
 */
export class InlineVirtioFs implements ShareFs {
  readonly name = "share-fs";
  readonly failed: Promise<Error> = new Promise(() => undefined);
  readonly #files: SharedFiles;
  readonly #settings: InlineSettings;

  constructor(parts: InlineVirtioFsParts) {
    this.#files = new SharedFiles(parts);
    this.#settings = parts.settings;
  }

  prepare(signal: AbortSignal): Promise<ShareFsContribution> {
    return this.#files.track(this.#prepare(signal));
  }

  share(request: ShareRequest): Promise<Share> {
    return this.#files.share(request);
  }

  async cleanup(): Promise<void> {
    await this.#files.close(() => undefined);
  }

  async #prepare(signal: AbortSignal): Promise<ShareFsContribution> {
    const path = await this.#files.prepare();
    signal.throwIfAborted();
    this.#files.assertOpen();
    const { cache, queueSize } = this.#settings;
    // What may be written is said by the mounts in the tree: its own directories are read-only, volumes as was asked for.
    return {
      devices: [{ kind: "inline-fs", id: "share-fs", tag: shareTag, path, readOnly: false, cache, queueSize }],
      storages: [guestStorage()],
    };
  }
}
