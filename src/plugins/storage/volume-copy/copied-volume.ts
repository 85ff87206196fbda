import { basename } from "node:path";
import type { ContainerContribution } from "../../../core/contracts/guest.js";
import type { Volume, VolumeRequest } from "../../../core/contracts/volume.js";
import { describeError, KataError, messageOf } from "../../../core/errors/error.js";
import type { Logger } from "../../../core/log.js";
import { isReadOnly } from "../../../core/oci/mount-access.js";
import { kindOfSource, openSource } from "../../../core/share-fs/shared-source.js";
import type { Sys } from "../../../core/sys/sys.js";
import { copyErrors } from "./errors.js";
import { listSource, mostEntries } from "./list-source.js";
import { GuestCopy, mostBytes, TooManyBytes } from "./send-files.js";
import { SourceWatch } from "./source-watch.js";

/** What it works with. */
export interface CopiedVolumeParts {
  readonly sys: Pick<Sys, "files" | "descriptors">;
  readonly log: Logger;
}

/** Characters kept of a destination's last part: it only helps people who look. */
const labelLength = 48;

/**
 * A copy of a directory or of a regular file of the host, for one container: made before it is created, removed by the agent
 * with it. What changes in a directory of the host is copied again until then, a link after what it points to; what is removed
 * there stays. What the container writes stays in the guest. A file alone is copied once, since it is that file which is
 * mounted, not its name.
 */
export class CopiedVolume implements Volume {
  readonly name: string;
  readonly #parts: CopiedVolumeParts;
  readonly #request: VolumeRequest;
  readonly #guestPath: string;
  readonly #ended = new AbortController();
  #source: number | undefined;
  #watch: SourceWatch | undefined;
  #copying: Promise<void> = Promise.resolve();

  constructor(parts: CopiedVolumeParts, request: VolumeRequest) {
    const { containerId, index, mount } = request;
    this.name = `mount ${index} at ${mount.destination}`;
    this.#parts = parts;
    this.#request = request;
    const label = basename(mount.destination).replace(/[^A-Za-z0-9._-]/g, "_");
    // In the container's own directory, with which it goes.
    this.#guestPath = `/run/kata-containers/${containerId}/volumes/${index}-${label.slice(0, labelLength)}`;
  }

  async prepare(): Promise<ContainerContribution> {
    const { mount } = this.#request;
    const { source = "" } = mount;
    try {
      this.#source = openSource(this.#parts.sys, source);
      kindOfSource(this.#source, source);
    } catch (error) {
      throw this.#error(error);
    }
    return { mounts: [{ ...mount, type: "bind", source: this.#guestPath }] };
  }

  /** Copies it, and begins to watch what may change. */
  async attach(signal: AbortSignal): Promise<void> {
    const root = this.#opened();
    const copy = this.#guestCopy();
    if (this.#isDirectory(root)) this.#watch = this.#watchSource(copy, root);
    this.#copying = this.#copy(copy, root, AbortSignal.any([signal, this.#ended.signal])).then(() => undefined);
    await this.#copying;
  }

  /**
   * Begins to watch again. What is read-only is copied anew, since it may have changed meanwhile; what containers write to is
   * taken to be what was copied. A source that is gone changes no more.
   */
  async adopt(): Promise<void> {
    const { source = "", options = [] } = this.#request.mount;
    try {
      await this.prepare();
    } catch (error) {
      this.#parts.log.warn("a volume is not copied to the guest any more", { source, error: describeError(error) });
      return;
    }
    const root = this.#opened();
    if (!this.#isDirectory(root)) return;
    const copy = this.#guestCopy();
    this.#watch = this.#watchSource(copy, root);
    if (!isReadOnly(options)) copy.assume(listSource(this.#parts.sys, root).entries);
    this.#watch.look();
  }

  async cleanup(): Promise<void> {
    this.#watch?.close();
    this.#ended.abort(new Error(`${this.name} ends`));
    await this.#copying.catch(() => undefined);
    if (this.#source !== undefined) this.#parts.sys.descriptors.close(this.#source);
    this.#source = undefined;
  }

  #opened(): number {
    if (this.#source === undefined) throw new Error(`${this.name} is not prepared`);
    return this.#source;
  }

  #isDirectory(root: number): boolean {
    return kindOfSource(root, this.#request.mount.source ?? "") === "directory";
  }

  /** `KATA_VOLUME_COPY_AGENT` when the agent takes no files. */
  #guestCopy(): GuestCopy {
    const { agent, mount } = this.#request;
    const { destination, source = "" } = mount;
    const files = agent.capability("copy-file");
    if (files !== undefined) return new GuestCopy(this.#parts.sys, files, this.#guestPath);
    throw copyErrors.KATA_VOLUME_COPY_AGENT({ destination, source, agent: agent.name });
  }

  #watchSource(copy: GuestCopy, root: number): SourceWatch {
    const { log } = this.#parts;
    const { source } = this.#request.mount;
    const failed = (error: unknown): void => {
      if (!this.#ended.signal.aborted) {
        log.warn("changes of a volume are not copied to the guest", { source, error: describeError(error) });
      }
    };
    const changed = (): void => {
      const next = this.#copying
        .then(() => this.#copy(copy, root, this.#ended.signal))
        .then((count) => log.debug("copied what has changed in a volume", { source, count }));
      this.#copying = next.catch(failed);
    };
    return new SourceWatch(this.#parts.sys, { changed, failed });
  }

  async #copy(copy: GuestCopy, root: number, signal: AbortSignal): Promise<number> {
    const { destination, source = "" } = this.#request.mount;
    const tooMuch = (what: string, most: number): Error =>
      copyErrors.KATA_VOLUME_COPY_LIMIT({ destination, source, what, most });
    try {
      const before = listSource(this.#parts.sys, root);
      const directories = before.entries.filter(({ kind }) => kind === "directory").map(({ path }) => path);
      this.#watch?.set(root, directories);
      // Listed again: what changed before it was watched is in it.
      const { entries, skipped, isCut } = listSource(this.#parts.sys, root);
      if (isCut) throw tooMuch("directories, files and links", mostEntries);
      if (skipped.length > 0) {
        this.#parts.log.warn("what is no file is not copied to the guest", { source, skipped: skipped.slice(0, 20) });
      }
      return await copy.send(root, entries, signal);
    } catch (error) {
      if (error instanceof TooManyBytes) throw tooMuch("bytes in files", mostBytes);
      throw this.#error(error);
    }
  }

  #error(error: unknown): Error {
    if (error instanceof KataError && error.code.startsWith("KATA_VOLUME_COPY")) return error;
    const { destination, source = "" } = this.#request.mount;
    return copyErrors.KATA_VOLUME_COPY({ destination, source, problem: messageOf(error) }, { cause: error });
  }
}
