import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describeError } from "../../src/core/errors/error.js";
import type { Logger } from "../../src/core/log.js";
import type { CreateSandboxRequest, Storage } from "../../src/core/proto/gen/kata/agent.js";
import type { Sys } from "../../src/core/sys/sys.js";
import type { ControlGroup } from "./container/cgroup.js";
import { Containers } from "./container/containers.js";
import { findGuestHooks } from "./container/guest-hooks.js";
import type { OciRuntime } from "./container/oci-runtime.js";
import { SharedNamespaces } from "./container/shared-namespaces.js";
import { agentErrors, badArgument } from "./errors.js";
import { checkId } from "./ids.js";
import type { KernelModules } from "./machine/kernel-modules.js";
import { keepResolvConf } from "./machine/resolv-conf.js";
import { OomEvents } from "./observe/oom-events.js";
import type { Programs } from "./programs.js";
import type { Reaper } from "./reaper.js";
import { type AgentRoots, containersDirectory } from "./roots.js";
import { Storages } from "./storage/storages.js";

/** Who has the storages that are there for all containers: no container's id has a space. */
const sandboxOwner = "the sandbox";

/** What an agent works with. */
export interface AgentTools {
  readonly sys: Sys;
  readonly roots: AgentRoots;
  readonly log: Logger;
  readonly reaper: Reaper;
  readonly programs: Programs;
  readonly modules: KernelModules;
  readonly runtime: OciRuntime;
  /** The control group of a container, there or not. */
  readonly cgroup: (containerId: string) => ControlGroup;
  /** Milliseconds a device may take to appear. */
  readonly hotplugTime: number;
}

/** The one sandbox of a guest, from CreateSandbox to DestroySandbox. */
export class Sandbox {
  readonly oom: OomEvents;
  readonly #tools: AgentTools;
  readonly #storages: Storages;
  readonly #namespaces: SharedNamespaces;
  #containers: Containers | undefined;
  #creating = false;

  constructor(tools: AgentTools) {
    this.#tools = tools;
    this.oom = new OomEvents(tools.log);
    this.#storages = new Storages(tools, tools.log);
    this.#namespaces = new SharedNamespaces(tools);
  }

  /** The containers; `KATA_GUEST_NO_SANDBOX` before the sandbox was made. */
  get containers(): Containers {
    if (this.#containers === undefined) throw agentErrors.KATA_GUEST_NO_SANDBOX(undefined);
    return this.#containers;
  }

  /** Makes what containers share. When that fails all is undone, and it may be tried again. */
  async create(request: CreateSandboxRequest): Promise<void> {
    const { sys, roots, log } = this.#tools;
    const id = checkId("sandbox_id", request.sandboxId === "" ? "sandbox" : request.sandboxId);
    if (this.#containers !== undefined || this.#creating) throw agentErrors.KATA_GUEST_SANDBOX_EXISTS({ id });
    if (Buffer.byteLength(request.hostname) > 64) throw badArgument("hostname", request.hostname, "64 bytes at most");
    this.#creating = true;
    try {
      mkdirSync(join(containersDirectory(roots), "sandbox"), { recursive: true });
      this.#namespaces.create(request.hostname);
      const modules = request.kernelModules.map(({ name, parameters }) => this.#tools.modules.load(name, parameters));
      const storages = this.#storages.add(sandboxOwner, [...request.storages, ...this.#defaultStorages(request)]);
      await Promise.all([...modules, storages]);
      await keepResolvConf(sys, roots, request.dns);
      const guestHooks = request.guestHookPath === "" ? {} : findGuestHooks(request.guestHookPath);
      const [storagesOfAll, namespaces] = [this.#storages, this.#namespaces];
      const { oom } = this;
      this.#containers = new Containers({ ...this.#tools, storages: storagesOfAll, namespaces, oom, guestHooks });
      log.info("created the sandbox", { sandbox: id });
    } catch (error) {
      await this.#undo();
      throw error;
    } finally {
      this.#creating = false;
    }
  }

  /** Ends all containers and removes what they shared. The machine goes on. */
  async destroy(): Promise<void> {
    await this.containers.removeAll();
    await this.#undo();
    this.#containers = undefined;
  }

  async #undo(): Promise<void> {
    await this.#storages.release(sandboxOwner).catch((error: unknown) => {
      this.#tools.log.error("storages of the sandbox are left", { error: describeError(error) });
    });
    this.#namespaces.close();
  }

  /** Memory for /dev/shm of all containers, unless the host sends some of a size it chose. */
  #defaultStorages({ storages }: CreateSandboxRequest): Storage[] {
    const mountPoint = join(containersDirectory(this.#tools.roots), "sandbox/shm");
    if (storages.some((storage) => storage.mountPoint.replace(/\/+$/, "") === mountPoint)) return [];
    const options = ["noexec", "nosuid", "nodev", "mode=1777", "size=67108864"];
    const none = { driverOptions: [], fsGroup: undefined, shared: false };
    return [{ ...none, driver: "ephemeral", source: "shm", fstype: "tmpfs", options, mountPoint }];
  }
}
