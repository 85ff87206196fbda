import { resolve } from "node:path";
import type {
  ContainerdMount,
  Rootfs,
  RootfsContribution,
  RootfsDriver,
  RootfsRequest,
} from "../../../core/contracts/rootfs.js";
import { messageOf } from "../../../core/errors/error.js";
import type { Logger } from "../../../core/log.js";
import type { SandboxInfo } from "../../../core/plugin/context.js";
import { isPlainObject } from "../../../core/sandbox/plain-object.js";
import { stateErrors } from "../../../core/sandbox/state-errors.js";
import type { Sys } from "../../../core/sys/sys.js";
import { bootstrapFile } from "./bootstrap.js";
import { NydusDaemon } from "./daemon.js";
import { nydusErrors } from "./errors.js";
import { type NydusOptions, OptionError, readOptions } from "./options.js";

/** What it works with. */
export interface NydusRootfsParts {
  readonly sys: Sys;
  readonly log: Logger;
  /** Mounts the overlay and shares it. */
  readonly shared: Pick<RootfsDriver, "create">;
  /** Absent outside of a sandbox. */
  readonly sandbox: Pick<SandboxInfo, "record" | "runDirectory"> | undefined;
}

/**
 * A root file system of nydus-snapshotter: an overlay over an image whose files are fetched when they are read. Where the
 * snapshotter's own nydusd serves the image it is there already, and the overlay is all that is missing; where nobody does
 * (`daemon_mode = "none"`) a nydusd of the container's own serves it. Either way it is on the host, and shared with the guest.
 */
export class NydusRootfs implements Rootfs {
  readonly name: string;
  readonly #parts: NydusRootfsParts;
  readonly #request: RootfsRequest;
  #daemon: NydusDaemon | undefined;
  #shared: Rootfs | undefined;

  constructor(parts: NydusRootfsParts, request: RootfsRequest) {
    this.name = `rootfs of ${request.containerId}`;
    this.#parts = parts;
    this.#request = request;
  }

  async prepare(signal: AbortSignal): Promise<RootfsContribution> {
    const options = this.#read();
    const lower = this.#isServed(options) ? options.lower : [await this.#serve(options, signal)];
    this.#shared = this.#parts.shared.create({ ...this.#request, mounts: [overlayOf(lower, options)] });
    return this.#shared.prepare(signal);
  }

  /** `daemon` is that of a container's own. */
  state(): unknown {
    return { daemon: this.#daemon?.kept ?? false, shared: this.#shared?.state?.() };
  }

  /** Takes over the overlay, and the daemon if the container has one of its own, which has served its image meanwhile. */
  async adopt(state: unknown): Promise<void> {
    const refuse = (problem: string): Error => stateErrors.KATA_RECOVER_PART({ what: `the ${this.name}`, problem });
    if (!isPlainObject(state)) throw refuse("its state is no object");
    const { daemon: kept, shared } = state;
    if (kept !== false) this.#daemon = this.#daemonAgain(kept, refuse);
    this.#shared = this.#parts.shared.create(this.#request);
    if (this.#shared.adopt === undefined) throw refuse("whoever shares it cannot do that");
    await this.#shared.adopt(shared);
  }

  #daemonAgain(kept: unknown, refuse: (problem: string) => Error): NydusDaemon {
    const { containerId } = this.#request;
    const { sys, log, sandbox } = this.#parts;
    if (sandbox === undefined) throw nydusErrors.KATA_ROOTFS_NYDUS_NO_SANDBOX({ container: containerId });
    const daemon = NydusDaemon.adopt({ sys, log, sandbox, containerId }, kept);
    if (typeof daemon === "string") throw refuse(daemon);
    return daemon;
  }

  async cleanup(): Promise<void> {
    try {
      await this.#shared?.cleanup();
    } finally {
      await this.#daemon?.end();
    }
  }

  #read(): NydusOptions {
    const [mount] = this.#request.mounts;
    try {
      return readOptions(mount ?? { options: [] });
    } catch (error) {
      if (!(error instanceof OptionError)) throw error;
      throw this.#refuse(error.option, error.message, error);
    }
  }

  #refuse(option: string, problem: string, cause?: unknown): Error {
    const { containerId: container } = this.#request;
    return nydusErrors.KATA_ROOTFS_NYDUS_OPTION({ container, option, problem }, { cause });
  }

  /** Goes by the list of mounts alone: a daemon that hangs would hang whoever looks into its mount. */
  #isServed({ lower, image }: NydusOptions): boolean {
    if (image === undefined) return true;
    const mounts = this.#parts.sys.mounts.list();
    return lower.some((path) => {
      const mount = mounts.findLast(({ mountPoint }) => mountPoint === resolve(path));
      return mount !== undefined && (mount.type === "fuse" || mount.type.startsWith("fuse."));
    });
  }

  /** Where a daemon of its own serves the image. */
  async #serve({ lower, image }: NydusOptions, signal: AbortSignal): Promise<string> {
    const { containerId } = this.#request;
    const { sys, log, sandbox } = this.#parts;
    if (image === undefined) throw new Error(`${this.name} has no image`);
    if (sandbox === undefined) throw nydusErrors.KATA_ROOTFS_NYDUS_NO_SANDBOX({ container: containerId });
    if (lower.length > 1) throw this.#refuse("lowerdir", "has more than the image, and nobody serves that");
    const { source, config } = image;
    let bootstrap: string;
    try {
      bootstrap = bootstrapFile(image);
    } catch (error) {
      const parts = { container: containerId, source, problem: messageOf(error) };
      throw nydusErrors.KATA_ROOTFS_NYDUS_IMAGE(parts, { cause: error });
    }
    this.#daemon = await NydusDaemon.serve({ sys, log, sandbox, containerId, bootstrap, config }, signal);
    return this.#daemon.mountPoint;
  }
}

/** What is mounted of it on the host, as nydus' own helper for mount(8) does it. */
function overlayOf(lower: readonly string[], { upper, others }: NydusOptions): ContainerdMount {
  const [only = ""] = lower;
  // One directory that nothing is laid over is no overlay to the kernel.
  if (upper === undefined && lower.length === 1) {
    return { type: "bind", source: only, target: "", options: ["rbind", "ro"] };
  }
  const writable = upper === undefined ? [] : [`upperdir=${upper.upperdir}`, `workdir=${upper.workdir}`];
  const options = [`lowerdir=${lower.join(":")}`, ...writable, ...others];
  return { type: "overlay", source: "overlay", target: "", options };
}
