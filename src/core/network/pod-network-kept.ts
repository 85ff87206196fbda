import type { LinkInfo } from "../contracts/endpoint.js";
import type { GuestInterface } from "../contracts/guest.js";
import { isPlainObject } from "../sandbox/plain-object.js";
import { stateErrors } from "../sandbox/state-errors.js";
import type { PodNetworkState } from "./pod-network-source.js";

/** What is kept of a link of the pod that the machine has a card for. */
export interface KeptLink {
  readonly link: LinkInfo;
  /** Name of the driver that made its endpoint, and which of the pod's endpoints that is. */
  readonly driver: string;
  readonly index: number;
  /** Of its device; empty until that is added. */
  readonly id: string;
  readonly interface: GuestInterface;
  /** The link is not in the namespace: what the guest is told of it stays as it was. */
  readonly isTaken: boolean;
  /** Whether the guest has set it up. */
  readonly told: boolean;
}

/** What another process needs to know to go on with a pod's network. */
export interface PodNetworkKept {
  /** Name of the source that it was read from. */
  readonly source: string;
  /** How many endpoints there have been. */
  readonly made: number;
  readonly told: PodNetworkState;
  readonly attached: readonly KeptLink[];
}

const what = "the pod's network";
const isText = (value: unknown): value is string => typeof value === "string" && !value.includes("\0");
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const isFlag = (value: unknown): boolean => typeof value === "boolean";
/** A name of the kernel's, which becomes a part of a path. */
const isLinkName = (value: unknown): boolean => isText(value) && /^[^/\s]{1,15}$/.test(value) && !/^\.\.?$/.test(value);
const isInterface = (value: unknown): boolean =>
  isPlainObject(value) && isText(value["name"]) && Array.isArray(value["addresses"]);

function isLink(value: unknown): boolean {
  if (!isPlainObject(value)) return false;
  const { name, index, kind, hardwareAddress, details, guest } = value;
  const named = isLinkName(name) && isCount(index) && isText(kind) && isText(hardwareAddress);
  return named && isPlainObject(details) && isInterface(guest);
}

function isKept(value: unknown): value is KeptLink {
  if (!isPlainObject(value)) return false;
  const { link, driver, index, id, interface: shown, isTaken, told } = value;
  return (
    isLink(link) &&
    isText(driver) &&
    isCount(index) &&
    isText(id) &&
    isInterface(shown) &&
    isFlag(isTaken) &&
    isFlag(told)
  );
}

function areTold(value: unknown): value is PodNetworkState {
  if (!isPlainObject(value)) return false;
  const { links, routes, neighbors } = value;
  return Array.isArray(links) && links.every(isLink) && Array.isArray(routes) && Array.isArray(neighbors);
}

function isKeptNetwork(value: unknown): value is PodNetworkKept {
  if (!isPlainObject(value)) return false;
  const { source, made, told, attached } = value;
  return isText(source) && isCount(made) && areTold(told) && Array.isArray(attached) && attached.every(isKept);
}

/** Checks what was kept of a network that is found at `source` now; `KATA_RECOVER_PART`. */
export function parsePodNetwork(value: unknown, source: string): PodNetworkKept {
  if (!isKeptNetwork(value)) throw stateErrors.KATA_RECOVER_PART({ what, problem: "its state is not that of links" });
  if (value.source === source) return value;
  const problem = `it was found in ${value.source}, and would be looked for in ${source} now`;
  throw stateErrors.KATA_RECOVER_PART({ what, problem });
}

/** The error for a link whose driver is not there. */
export function noDriver(link: string, driver: string): Error {
  const problem = `its endpoint was made by the plugin "${driver}", which is not there`;
  return stateErrors.KATA_RECOVER_PART({ what: `the link "${link}"`, problem });
}
