import { lstatSync, rmdirSync, unlinkSync } from "node:fs";
import type { Logger } from "../../../src/core/log.js";
import { codeOf, describeError } from "../../../src/core/errors/error.js";
import type { Storage } from "../../../src/core/proto/gen/kata/agent.js";
import { errnoNameOf } from "../../../src/core/sys/sys-error.js";
import { agentErrors } from "../errors.js";
import { containersDirectory } from "../roots.js";
import { OpenFlag } from "../../../src/core/sys/open-flags.js";
import type { StorageTools } from "./driver.js";
import { storageDrivers } from "./drivers.js";
import { giveVolumeToGroup } from "./fs-group.js";
import { belowContainers } from "./mount-point.js";

/** Something mounted, and for whom. */
interface Mounted {
  readonly owners: string[];
  readonly relative: string;
  readonly storage: Storage;
  readonly ready: Promise<void>;
}

/** What is mounted in the guest at the host's wish. A mount point asked for twice is mounted once, until both let go. */
export class Storages {
  readonly #tools: StorageTools;
  readonly #log: Logger;
  readonly #mounted = new Map<string, Mounted>();

  constructor(tools: StorageTools, log: Logger) {
    this.#tools = tools;
    this.#log = log;
  }

  /** Mounts them in their order, for `owner`; when one fails those before it are let go of again. */
  async add(owner: string, storages: readonly Storage[]): Promise<void> {
    try {
      for (const storage of storages) await this.#add(owner, storage);
    } catch (error) {
      await this.release(owner);
      throw error;
    }
  }

  has(mountPoint: string): boolean {
    return this.#mounted.has(belowContainers(this.#tools.roots, "a storage's mount point", mountPoint));
  }

  /** Lets go of all that `owner` has, last first; what nobody has then is unmounted. Failures are logged. */
  async release(owner: string): Promise<void> {
    for (const [key, mounted] of [...this.#mounted].toReversed()) {
      const index = mounted.owners.indexOf(owner);
      if (index === -1) continue;
      mounted.owners.splice(index, 1);
      if (mounted.owners.length > 0) continue;
      this.#mounted.delete(key);
      await this.#unmount(mounted);
    }
  }

  async #add(owner: string, storage: Storage): Promise<void> {
    const relative = belowContainers(this.#tools.roots, "a storage's mount point", storage.mountPoint);
    const there = this.#mounted.get(relative);
    if (there !== undefined) {
      await there.ready;
      there.owners.push(owner);
      return;
    }
    const ready = this.#mount(storage, relative);
    this.#mounted.set(relative, { owners: [owner], relative, storage, ready });
    try {
      await ready;
    } catch (error) {
      this.#mounted.delete(relative);
      throw error;
    }
  }

  async #mount(storage: Storage, relative: string): Promise<void> {
    const driver = Object.hasOwn(storageDrivers, storage.driver) ? storageDrivers[storage.driver] : undefined;
    if (driver === undefined) {
      const there = Object.keys(storageDrivers);
      throw agentErrors.KATA_GUEST_STORAGE_DRIVER({ driver: storage.driver, there });
    }
    const { sys, roots } = this.#tools;
    const base = containersDirectory(roots);
    const target =
      driver.isFile?.(storage) === true
        ? sys.files.touchBeneath(base, relative)
        : sys.files.mkdirBeneath(base, relative, 0o755);
    try {
      await driver.mount(storage, target, this.#tools);
      await this.#giveToGroup(storage, relative);
    } catch (cause) {
      if (codeOf(cause)?.startsWith("KATA_GUEST_") === true) throw cause;
      const { driver: name, source, mountPoint } = storage;
      throw agentErrors.KATA_GUEST_STORAGE({ driver: name, source, target: mountPoint }, { cause });
    } finally {
      sys.descriptors.close(target);
    }
    this.#log.debug("mounted a storage", { driver: storage.driver, at: storage.mountPoint });
  }

  /** Gives what is mounted to the group it is for; what is read-only stays as it is. Unmounts it when that fails. */
  async #giveToGroup({ fsGroup, options }: Storage, relative: string): Promise<void> {
    if (fsGroup === undefined || options.includes("ro")) return;
    const { sys, roots } = this.#tools;
    const base = containersDirectory(roots);
    try {
      const fd = sys.files.openBeneath(base, relative, OpenFlag.directory);
      try {
        await giveVolumeToGroup(sys.files.pathOfFd(fd), fsGroup);
      } finally {
        sys.descriptors.close(fd);
      }
    } catch (error) {
      await sys.mounts.unmountBeneath(base, relative, { detach: true });
      throw error;
    }
  }

  async #unmount({ relative, storage }: Mounted): Promise<void> {
    const { sys, roots } = this.#tools;
    const base = containersDirectory(roots);
    try {
      await sys.mounts.unmountBeneath(base, relative, { detach: true });
      await storageDrivers[storage.driver]?.unmounted?.(storage, this.#tools);
      const path = `${base}/${relative}`;
      if (lstatSync(path).isDirectory()) rmdirSync(path);
      else unlinkSync(path);
    } catch (error) {
      // A directory of the kind `local` may hold what containers wrote; it goes with the guest.
      if (errnoNameOf(error) === "ENOTEMPTY") return;
      this.#log.warn("a storage could not be unmounted", { at: `${base}/${relative}`, error: describeError(error) });
    }
  }
}
