import type { Agent } from "../../../core/contracts/agent.js";
import type { Disks } from "../../../core/contracts/disks.js";
import type { ContainerContribution, GuestStorage } from "../../../core/contracts/guest.js";
import type { Resource } from "../../../core/contracts/resource.js";
import type { RootfsContribution, RootfsDriver, RootfsRequest } from "../../../core/contracts/rootfs.js";
import type { ShareFs } from "../../../core/contracts/share-fs.js";
import type { SizedVolume, Volume, VolumeDriver, VolumeRequest } from "../../../core/contracts/volume.js";
import type { OciLinuxResources, OciMount, OciProcess } from "../../../core/oci/spec.js";
import type { CreateTask } from "../../../core/messages/task.js";
import type { PluginSource } from "../../../core/plugin/context.js";
import { type Candidates, mostSpecific } from "../../../core/plugin/match.js";
import type { ContainerRole } from "../../../core/sandbox/identity.js";
import { ResourceSet } from "../../../core/sandbox/resource-set.js";
import { stateErrors } from "../../../core/sandbox/state-errors.js";
import type { ContainerState, ResourceState } from "../../../core/sandbox/state.js";
import type { Scope } from "../../../core/scope.js";
import { join, isAbsolute } from "node:path";
import { handlerErrors } from "./errors.js";
import { guestSpec, sharesPidNamespace } from "./guest-spec.js";
import { blockDevicesOf, PluggedDevice } from "./plugged-device.js";
import { Process, type ProcessParts } from "./process.js";

/** What a container is made of besides its request. */
export interface ContainerParts {
  readonly request: CreateTask;
  readonly role: ContainerRole;
  readonly sandboxId: string;
  readonly scope: Scope;
  readonly agent: Agent;
  readonly plugins: PluginSource;
  readonly shareFs: ShareFs | undefined;
  /** Absent when containers shall have no disks. */
  readonly disks: Disks | undefined;
  readonly guestOptions: { readonly disableSeccomp: boolean; readonly disableSelinux: boolean };
}

/** What the resources of a container came to. */
interface Prepared {
  readonly root: RootfsContribution;
  readonly volumes: readonly ContainerContribution[];
  readonly devices: readonly ContainerContribution[];
}

/** A resource, and which driver made it for what. */
interface Made {
  readonly kind: ResourceState["kind"];
  readonly driver: string;
  readonly index: number;
  readonly resource: Resource<unknown> & Pick<Volume, "sized">;
}

/** A further process and what it runs. */
interface Exec {
  readonly process: Process;
  readonly spec: OciProcess;
}

/** A container of a sandbox: its resources on the host, its state in the guest, its processes. */
export class Container {
  readonly id: string;
  readonly role: ContainerRole;
  readonly bundle: string;
  readonly #parts: ContainerParts;
  readonly #resources: ResourceSet;
  readonly #made: Made[] = [];
  readonly #execs = new Map<string, Exec>();
  /** Ids of processes that are being added. */
  readonly #reserved = new Set<string>();
  readonly init: Process;
  #inGuest = false;

  /** `init.adopted` is there when it is a container of a sandbox that is adopted. */
  constructor(parts: ContainerParts, init: Omit<ProcessParts, "id" | "agent" | "io">) {
    this.id = parts.request.containerId;
    this.role = parts.role;
    this.bundle = parts.request.bundle;
    this.#parts = parts;
    this.#resources = new ResourceSet(parts.scope);
    const id = { containerId: this.id, execId: "" };
    this.init = new Process({ ...init, id, agent: parts.agent, io: parts.request.io });
  }

  /** All processes, the first one first. */
  processes(): Process[] {
    return [this.init, ...[...this.#execs.values()].map((exec) => exec.process)];
  }

  process(execId: string): Process {
    return execId === "" ? this.init : this.#exec(execId).process;
  }

  /** What a further process runs, as the agent gets it: AppArmor is the host's. */
  execSpec(execId: string): OciProcess {
    const { apparmorProfile: _apparmor, ...spec } = this.#exec(execId).spec;
    return spec;
  }

  /** Takes an id for a process that is about to be added; `KATA_PROCESS_EXISTS` when it is taken. */
  reserveExec(execId: string): void {
    const taken = this.#execs.has(execId) || this.#reserved.has(execId);
    if (taken) throw handlerErrors.KATA_PROCESS_EXISTS({ id: this.id, execId });
    this.#reserved.add(execId);
  }

  addExec(process: Process, spec: OciProcess): void {
    this.#reserved.delete(process.id.execId);
    this.#execs.set(process.id.execId, { process, spec });
  }

  removeExec(execId: string): void {
    this.#reserved.delete(execId);
    this.#execs.delete(execId);
  }

  #exec(execId: string): Exec {
    const exec = this.#execs.get(execId);
    if (exec) return exec;
    throw handlerErrors.KATA_PROCESS_UNKNOWN({ id: this.id, execId, there: [...this.#execs.keys()] });
  }

  /** Makes everything on the host; needs no guest, so it runs while the guest boots. */
  async prepare(signal: AbortSignal): Promise<Prepared> {
    const root = await this.#prepareRootfs(signal);
    const volumes: ContainerContribution[] = [];
    const drivers = await this.#parts.plugins.all("volume");
    for (const [index, mount] of (this.#parts.request.spec.mounts ?? []).entries()) {
      volumes.push(await this.#prepareVolume(drivers, mount, index, signal));
    }
    const devices: ContainerContribution[] = [];
    for (const index of blockDevicesOf(this.#parts.request.spec).keys()) {
      devices.push(await this.#resources.prepare(this.#deviceAt(index), signal));
    }
    return { root, volumes, devices };
  }

  /** Has the agent create the container from what `prepare` made. */
  async create(prepared: Prepared, lost: Promise<unknown>, signal: AbortSignal): Promise<void> {
    const { request, agent, role, guestOptions } = this.#parts;
    const contributions = [prepared.root, ...prepared.volumes, ...prepared.devices];
    const storages: GuestStorage[] = contributions.flatMap((one) => one.storages ?? []);
    await this.#resources.attach(signal);
    this.#inGuest = true;
    await agent.createContainer({
      containerId: this.id,
      storages,
      devices: contributions.flatMap((one) => one.devices ?? []),
      sharedPidNamespace: sharesPidNamespace(request.spec),
      spec: guestSpec(
        request.spec,
        {
          role,
          bundle: this.bundle,
          rootPath: prepared.root.guestPath,
          mounts: prepared.volumes.flatMap((one) => one.mounts ?? []),
        },
        guestOptions,
      ),
    });
    this.init.watch(lost);
  }

  /** Takes over what another shim has prepared of it, which was killed. The guest has it. */
  async adopt(resources: readonly ResourceState[]): Promise<void> {
    this.#inGuest = true;
    for (const one of resources) await this.#resources.adopt(await this.#resourceAgain(one), one.state);
  }

  /** The volume that it has of a path of the host, whose size somebody outside manages. */
  sizedVolume(source: string): SizedVolume | undefined {
    return this.#made.map(({ resource }) => resource.sized).find((one) => one?.source === source);
  }

  /** What `adopt` in another shim needs to know. */
  state(limits: OciLinuxResources): ContainerState {
    const { request, role } = this.#parts;
    const execs = [...this.#execs.values()].map(({ process, spec }) => ({ ...process.state(), spec }));
    return {
      request,
      role,
      limits,
      resources: this.#made.map(({ resource, ...made }) => ({ ...made, state: resource.state?.() })),
      processes: [this.init.state(), ...execs],
    };
  }

  /** Removes the container from the guest; no error when it never got there. */
  async removeFromGuest(): Promise<void> {
    if (!this.#inGuest) return;
    await this.#parts.agent.removeContainer(this.id);
    this.#inGuest = false;
  }

  /** Closes all stdio, giving output `drainMs` to arrive. */
  async release(drainMs: number): Promise<void> {
    await Promise.all(this.processes().map((process) => process.release(drainMs)));
  }

  /** Undoes `prepare`. With `guestGone` nothing is asked of the guest. */
  async cleanup(guestGone: boolean): Promise<void> {
    if (guestGone) this.#resources.loseGuest();
    await this.#parts.scope.close();
  }

  async #prepareRootfs(signal: AbortSignal): Promise<RootfsContribution> {
    const { rootfs, spec } = this.#parts.request;
    const request = this.#rootfsRequest();
    const drivers = await this.#parts.plugins.all("rootfs");
    const describe = () =>
      `a root file system of ${rootfs.map((one) => `${one.type || "bind"} ${one.source}`).join(", ") || spec.root?.path}`;
    const driver = mostSpecific("rootfs", drivers, (one) => one.match(request), describe);
    const resource = driver.create(request);
    this.#made.push({ kind: "rootfs", driver: driver.name, index: 0, resource });
    return this.#resources.prepare(resource, signal);
  }

  #rootfsRequest(): RootfsRequest {
    const { request, shareFs, disks } = this.#parts;
    const path = request.spec.root?.path ?? "rootfs";
    return {
      containerId: this.id,
      bundle: request.bundle,
      rootPath: isAbsolute(path) ? path : join(request.bundle, path),
      readOnly: request.spec.root?.readonly ?? false,
      mounts: request.rootfs,
      shareFs,
      disks,
    };
  }

  async #prepareVolume(
    drivers: Candidates<VolumeDriver>,
    mount: OciMount,
    index: number,
    signal: AbortSignal,
  ): Promise<ContainerContribution> {
    const request = this.#volumeRequest(mount, index);
    const describe = () => `the mount of ${mount.source ?? mount.type ?? "nothing"} at ${mount.destination}`;
    const driver = mostSpecific("volume", drivers, (one) => one.match(request), describe);
    const resource = driver.create(request);
    this.#made.push({ kind: "volume", driver: driver.name, index, resource });
    return this.#resources.prepare(resource, signal);
  }

  #volumeRequest(mount: OciMount, index: number): VolumeRequest {
    const { request, sandboxId, shareFs, disks, agent } = this.#parts;
    const { annotations = {}, linux } = request.spec;
    const hugePageLimits = linux?.resources?.hugepageLimits ?? [];
    return { containerId: this.id, sandboxId, shareFs, disks, agent, mount, index, hugePageLimits, annotations };
  }

  /** The one of the spec's block devices with this position among them. */
  #deviceAt(index: number): PluggedDevice {
    const { request, disks } = this.#parts;
    const device = blockDevicesOf(request.spec)[index];
    if (device === undefined) throw this.#unadoptable(`its spec has no block device ${index}`);
    const resource = new PluggedDevice(device, request.spec, disks);
    this.#made.push({ kind: "device", driver: "", index, resource });
    return resource;
  }

  /** A resource as a driver has made it before; it is to be adopted. */
  async #resourceAgain({ kind, driver: name, index }: ResourceState): Promise<Resource<unknown>> {
    const { plugins, request } = this.#parts;
    if (kind === "device") return this.#deviceAt(index);
    const named = <D extends { readonly name: string }>(drivers: readonly D[]): D => {
      const driver = drivers.find((one) => one.name === name);
      if (driver !== undefined) return driver;
      throw this.#unadoptable(`its ${kind} was made by the plugin "${name}", which is not there`);
    };
    const mount = request.spec.mounts?.[index];
    let resource: Made["resource"];
    if (kind === "rootfs") resource = named<RootfsDriver>(await plugins.all("rootfs")).create(this.#rootfsRequest());
    else if (mount === undefined) throw this.#unadoptable(`its spec has no mount ${index}`);
    else resource = named<VolumeDriver>(await plugins.all("volume")).create(this.#volumeRequest(mount, index));
    this.#made.push({ kind, driver: name, index, resource });
    return resource;
  }

  #unadoptable(problem: string): Error {
    return stateErrors.KATA_RECOVER_PART({ what: `the container "${this.id}"`, problem });
  }
}
