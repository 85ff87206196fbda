import type { ContainerdMount } from "../../../core/contracts/rootfs.js";

/** Where what a container writes goes to. */
export type Upper =
  /** Nowhere: the snapshot is a view. */
  | { readonly kind: "none" }
  /** The guest's memory: the snapshotter's own directory is on the host. */
  | { readonly kind: "memory" }
  /** Directories of a file system on a disk, `mount` of the mounts. */
  | { readonly kind: "disk"; readonly mount: number; readonly upper: string; readonly work: string };

/** What the mounts of a snapshot say. */
export interface Layers {
  /** Which of the mounts are layers, the topmost first. */
  readonly lower: readonly number[];
  readonly upper: Upper;
  /** Options for the guest's overlay besides its directories. */
  readonly options: readonly string[];
}

/** What is wrong with which of the mounts. */
export class LayersError extends Error {
  readonly mount: number;

  constructor(mount: number, problem: string) {
    super(problem);
    this.mount = mount;
  }
}

/** The most layers; as many as Kata takes. A machine may have room for fewer disks, and says so itself. */
export const mostLayers = 128;

/** How containerd 2.2 and later call an overlay over mounts before it (its docs/mounts.md), and how others do. */
const overlayTypes = new Set(["overlay", "format/overlay", "format/mkdir/overlay"]);

/** Options of the kernel's overlay that name no path, nor anything of the host. */
const overlayOptions = /^(ro|rw|volatile|userxattr|(index|metacopy|nfs_export|xino|redirect_dir|uuid)=[a-z]{2,8})$/;

const mountTemplate = /^\{\{\s*mount\s+(\d{1,3})\s*\}\}(.*)$/s;
const rangeTemplate = /^\{\{\s*overlay\s+(\d{1,3})\s+(\d{1,3})\s*\}\}$/;

/** A directory at the top of a disk. */
const directoryName = /^\/(?!\.{1,2}$)[\w.-]{1,64}$/;

/**
 * Reads the mounts of containerd's erofs snapshotter: layers, the topmost first; before them the disk that is written to, if
 * its `default_size` gives it one; behind them the overlay, with templates for what it lies over. A layer alone is a view.
 * `LayersError` for what is none of it.
 */
export function readLayers(mounts: readonly ContainerdMount[]): Layers {
  for (const [index, mount] of mounts.entries()) if (mount.type === "erofs") checkLayer(index, mount);
  const last = mounts.length - 1;
  const overlay = mounts[last];
  if (mounts.length === 1) return { lower: [0], upper: { kind: "none" }, options: [] };
  if (overlay === undefined || !overlayTypes.has(overlay.type)) {
    throw new LayersError(last, "that is no overlay, which several layers need as the last of their mounts");
  }
  return readOverlay(mounts, last, overlay);
}

function checkLayer(index: number, { options, target }: ContainerdMount): void {
  const refuse = (problem: string): never => {
    throw new LayersError(index, problem);
  };
  if (target !== "") refuse(`a layer is not mounted below another, at ${target}`);
  for (const option of options) {
    if (option === "ro" || option === "loop") continue;
    if (option.startsWith("device=")) refuse("layers that are merged into one, with `device=`, are not supported");
    if (option.startsWith("X-containerd.dmverity")) {
      refuse('its dm-verity is not supported; the snapshotter\'s `dmverity_mode = "off"` does without');
    }
    refuse(`the option "${option}" is not known`);
  }
}

function readOverlay(mounts: readonly ContainerdMount[], index: number, { options }: ContainerdMount): Layers {
  const refuse = (problem: string): never => {
    throw new LayersError(index, problem);
  };
  const directories = new Map<string, string>();
  const others: string[] = [];
  for (const option of options) {
    const [, name, value] = /^(lowerdir|upperdir|workdir)=(.*)$/s.exec(option) ?? [];
    if (name !== undefined && value !== undefined) {
      if (directories.has(name)) refuse(`it has two options ${name}`);
      directories.set(name, value);
    } else if (option.startsWith("X-containerd.mkdir.path=")) {
      // The guest's agent makes the directories that are written to.
    } else if (overlayOptions.test(option)) others.push(option);
    else refuse(`the option "${option}" is not known, or is none for a guest`);
  }
  const lower = lowerMounts(directories.get("lowerdir") ?? "", index);
  for (const one of lower) {
    if (mounts[one]?.type !== "erofs") refuse(`its lowerdir names mount ${one}, which is no layer of erofs`);
  }
  if (new Set(lower).size !== lower.length) refuse("its lowerdir names a layer twice");
  const upper = upperOf(directories, index);
  const known = [...lower, index, ...(upper.kind === "disk" ? [upper.mount] : [])];
  const unused = mounts.findIndex((_, one) => !known.includes(one));
  if (unused !== -1) throw new LayersError(unused, "the overlay behind it does not use it");
  return { lower, upper, options: others };
}

/** The mounts that a `lowerdir` names. */
function lowerMounts(text: string, index: number): number[] {
  const [, first, end] = rangeTemplate.exec(text) ?? [];
  if (first !== undefined && end !== undefined) {
    const [from, to] = [Number(first), Number(end)];
    const step = from > to ? -1 : 1;
    return Array.from({ length: Math.abs(to - from) + 1 }, (_, n) => from + n * step);
  }
  return text.split(":").map((part) => {
    const [, mount, rest] = mountTemplate.exec(part) ?? [];
    if (mount === undefined || rest !== "") {
      throw new LayersError(index, `its lowerdir "${text}" is not made of mounts before it: \`{{ mount 0 }}\``);
    }
    return Number(mount);
  });
}

function upperOf(directories: ReadonlyMap<string, string>, index: number): Upper {
  const [upper, work] = [directories.get("upperdir"), directories.get("workdir")];
  if (upper === undefined && work === undefined) return { kind: "none" };
  if (upper?.startsWith("/") === true && work?.startsWith("/") === true) return { kind: "memory" };
  const [, upperMount, upperName = ""] = mountTemplate.exec(upper ?? "") ?? [];
  const [, workMount, workName = ""] = mountTemplate.exec(work ?? "") ?? [];
  const valid = [upperName, workName].every((name) => directoryName.test(name)) && upperName !== workName;
  if (upperMount === undefined || upperMount !== workMount || !valid) {
    throw new LayersError(
      index,
      `its upperdir "${upper ?? ""}" and workdir "${work ?? ""}" are not two directories of one mount before it`,
    );
  }
  return { kind: "disk", mount: Number(upperMount), upper: upperName.slice(1), work: workName.slice(1) };
}
