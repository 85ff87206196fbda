import { isAbsolute } from "node:path";
import { isPlainObject as isObject } from "./plain-object.js";
import type { ContainerState, PartState, ProcessState, ResourceState, SandboxState } from "./state.js";

type Fields = Readonly<Record<string, unknown>>;

const id = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
const roles = ["single", "sandbox", "container"];
const statuses = ["unknown", "created", "running", "stopped", "paused", "pausing"];
const sourceKinds = ["file", "drop-in"];

const isText = (value: unknown): value is string => typeof value === "string" && !value.includes("\0");
const isId = (value: unknown): boolean => isText(value) && id.test(value);
const isIndex = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const absent = (value: unknown, check: (value: unknown) => boolean): boolean => value === undefined || check(value);
const isPath = (value: unknown): boolean => isText(value) && isAbsolute(value) && !value.split("/").includes("..");
const isTexts = (value: unknown): boolean => isObject(value) && Object.values(value).every(isText);

function isPart(value: unknown): value is PartState {
  return isObject(value) && isText(value["name"]);
}

function isSource(value: unknown): boolean {
  if (!isObject(value)) return false;
  return sourceKinds.includes(String(value["kind"])) && isPath(value["name"]) && typeof value["text"] === "string";
}

function isIo(value: unknown): boolean {
  if (!isObject(value)) return false;
  const streams = ["stdin", "stdout", "stderr"].every((name) => absent(value[name], isText));
  return streams && typeof value["terminal"] === "boolean";
}

function isExit(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { status, exitedAt } = value;
  return isIndex(status) && Number(status) <= 255 && isText(exitedAt) && Number.isFinite(Date.parse(exitedAt));
}

function isProcess(value: unknown): value is ProcessState {
  if (!isObject(value)) return false;
  const { execId, io, status, exit, spec } = value;
  const named = execId === "" || (isId(execId) && isObject(spec));
  return named && isIo(io) && statuses.includes(String(status)) && absent(exit, isExit);
}

function isResource(value: unknown): value is ResourceState {
  if (!isObject(value)) return false;
  const { kind, driver, index } = value;
  return ["rootfs", "volume", "device"].includes(String(kind)) && isText(driver) && isIndex(index);
}

function isDisk(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { id: device, path, readOnly, guestLocator, identity } = value;
  const isKnown = isId(device) && isPath(path) && typeof readOnly === "boolean" && isText(guestLocator);
  return isKnown && absent(identity, isText);
}

function areDisks(value: unknown): boolean {
  return isObject(value) && isIndex(value["made"]) && Array.isArray(value["there"]) && value["there"].every(isDisk);
}

function isMount(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { type, source, target, options } = value;
  return [type, source, target].every(isText) && Array.isArray(options) && options.every(isText);
}

function isRequest(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { containerId, bundle, spec, rootfs, io, configPath } = value;
  const mounts = Array.isArray(rootfs) && rootfs.every(isMount);
  return isId(containerId) && isPath(bundle) && isSpec(spec) && mounts && isIo(io) && absent(configPath, isText);
}

/** Only what is read again of a spec: its mounts, its root, its annotations. */
function isSpec(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { mounts, root, annotations } = value;
  const isBind = (mount: unknown) => isObject(mount) && isText(mount["destination"]) && absent(mount["source"], isText);
  return (
    absent(mounts, (all) => Array.isArray(all) && all.every(isBind)) &&
    absent(root, (one) => isObject(one) && isText(one["path"])) &&
    absent(annotations, isTexts)
  );
}

function isContainer(value: unknown): value is ContainerState {
  if (!isObject(value)) return false;
  const { request, role, limits, resources, processes } = value;
  if (!isObject(limits) || !isRequest(request) || !roles.includes(String(role))) return false;
  if (!Array.isArray(resources) || !resources.every(isResource)) return false;
  if (!Array.isArray(processes) || !processes.every(isProcess)) return false;
  const ids = processes.map((one) => one.execId);
  return ids[0] === "" && new Set(ids).size === ids.length;
}

/** What is wrong with a state of a known version, in words; undefined when it is one. What parts say of themselves they check. */
export function stateProblem(fields: Fields, sandbox: { namespace: string; id: string }): string | undefined {
  const { namespace, sandboxId, networkNamespace, annotations, configuration } = fields;
  const { hypervisor, shareFs, disks, containers } = fields;
  if (namespace !== sandbox.namespace || sandboxId !== sandbox.id) return "it is the state of another sandbox";
  if (!absent(networkNamespace, isPath)) return '"networkNamespace" is not an absolute path';
  if (!isTexts(annotations)) return '"annotations" are not texts';
  if (!Array.isArray(configuration) || !configuration.every(isSource)) return '"configuration" is not a list of files';
  if (!isPart(hypervisor) || !absent(shareFs, isPart)) return '"hypervisor" or "shareFs" names no plugin';
  if (!areDisks(disks)) return '"disks" is not a list of disks';
  if (!Array.isArray(containers) || !containers.every(isContainer)) return '"containers" is not a list of containers';
  const ids = (containers as readonly ContainerState[]).map((one) => one.request.containerId);
  return new Set(ids).size === ids.length ? undefined : "two containers have one id";
}

/** Checked by `stateProblem`. */
export const asState = (fields: Fields): SandboxState => fields as unknown as SandboxState;
