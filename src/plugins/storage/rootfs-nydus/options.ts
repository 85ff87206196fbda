import { isAbsolute } from "node:path";
import type { ContainerdMount } from "../../../core/contracts/rootfs.js";

/** What nydus-snapshotter says of an image, for whoever serves it himself. */
export interface NydusImage {
  /** Path of the metadata (the bootstrap). */
  readonly source: string;
  /** nydusd's configuration, a JSON object. It may hold secrets. */
  readonly config: string;
  /** Directory of the snapshot. */
  readonly snapshotDirectory: string;
  readonly version: "v5" | "v6";
}

/** What the options of a `fuse.nydus-overlayfs` mount say. */
export interface NydusOptions {
  /** Lower directories of the overlay, the topmost first, as the snapshotter has them on the host. */
  readonly lower: readonly string[];
  /** Absent for a view. */
  readonly upper: { readonly upperdir: string; readonly workdir: string } | undefined;
  /** Other options of the overlay. */
  readonly others: readonly string[];
  /** Absent when the snapshotter says nothing of it. */
  readonly image: NydusImage | undefined;
}

/** What is wrong with which option. */
export class OptionError extends Error {
  readonly option: string;

  constructor(option: string, problem: string, cause?: unknown) {
    super(problem, { cause });
    this.option = option;
  }
}

/** Far more than any configuration of nydusd has. */
const longestExtraOption = 256 * 1024;

/** Options of Kata's for images of other kinds, which nydus-snapshotter can hand over by the same mount. */
const kataVolume = "io.katacontainers.volume";

/** Splits the options of nydus-snapshotter's mount. `OptionError` for what is none, or not to be trusted. */
export function readOptions({ options }: Pick<ContainerdMount, "options">): NydusOptions {
  const named = new Map<string, string>();
  const others: string[] = [];
  for (const option of options) {
    const [name = "", value] = option.split(/=(.*)/s, 2);
    if (name === kataVolume)
      throw new OptionError(name, "asks for an image that the guest pulls, which is not supported");
    if (value !== undefined && ["lowerdir", "upperdir", "workdir", "extraoption"].includes(name)) {
      if (named.has(name)) throw new OptionError(name, "is there twice");
      named.set(name, value);
    } else others.push(option);
  }
  const lower = (named.get("lowerdir") ?? "").split(":").map((path) => pathOf("lowerdir", path));
  const [upperdir, workdir] = [named.get("upperdir"), named.get("workdir")];
  if ((upperdir === undefined) !== (workdir === undefined)) {
    throw new OptionError("upperdir", "and workdir are not both there");
  }
  const upper =
    upperdir === undefined || workdir === undefined
      ? undefined
      : { upperdir: pathOf("upperdir", upperdir), workdir: pathOf("workdir", workdir) };
  const extra = named.get("extraoption");
  return { lower, upper, others, image: extra === undefined ? undefined : readImage(extra) };
}

/** Commas, colons and backslashes would be read as more than a path by the overlay. */
function pathOf(option: string, path: unknown): string {
  const parts = typeof path === "string" ? path.split("/") : [];
  if (typeof path !== "string" || !isAbsolute(path) || parts.includes("..") || /[\0,:\\]/.test(path)) {
    throw new OptionError(option, "has no plain absolute path");
  }
  return path;
}

function readImage(text: string): NydusImage {
  const option = "extraoption";
  if (text.length > longestExtraOption) throw new OptionError(option, `has more than ${longestExtraOption} characters`);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw new OptionError(option, "is not base64");
  const content = jsonObject(option, Buffer.from(text, "base64").toString("utf8"));
  const { source, config, snapshotdir, fs_version: version } = content;
  if (typeof config !== "string") throw new OptionError(`${option}.config`, "is no text");
  jsonObject(`${option}.config`, config);
  if (version !== "v5" && version !== "v6") {
    throw new OptionError(`${option}.fs_version`, 'is neither "v5" nor "v6"');
  }
  return {
    source: pathOf(`${option}.source`, source),
    config,
    snapshotDirectory: pathOf(`${option}.snapshotdir`, snapshotdir),
    version,
  };
}

/** The cause of a parser would quote what it could not read. */
function jsonObject(option: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new OptionError(option, "is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new OptionError(option, "is no JSON object");
  }
  return value as Record<string, unknown>;
}
