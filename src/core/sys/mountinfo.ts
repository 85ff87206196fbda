import { sysErrors } from "./errors.js";

/** One line of /proc/self/mountinfo, proc_pid_mountinfo(5). */
export interface MountEntry {
  readonly id: number;
  readonly parentId: number;
  readonly major: number;
  readonly minor: number;
  /** What of the file system is shown: `/` unless it is a bind mount of something below. */
  readonly root: string;
  readonly mountPoint: string;
  /** Options of this mount: `ro`, `nosuid`, `relatime`, ... */
  readonly options: readonly string[];
  /** Peer group it shares events with, and the one it receives from, when it is shared or a slave. */
  readonly sharedGroup?: number;
  readonly masterGroup?: number;
  readonly type: string;
  readonly source: string;
  /** Options of the whole file system. */
  readonly superOptions: readonly string[];
}

/** Undoes the kernel's octal escapes (`\040` for a blank); bytes that are no UTF-8 become U+FFFD. */
export function unescapeOctal(text: string): string {
  if (!text.includes("\\")) return text;
  const bytes: number[] = [];
  const from = Buffer.from(text);
  for (let i = 0; i < from.length; i++) {
    const octal = from[i] === 0x5c ? from.toString("latin1", i + 1, i + 4) : "";
    if (/^[0-3][0-7]{2}$/.test(octal)) {
      bytes.push(Number.parseInt(octal, 8));
      i += 3;
    } else {
      bytes.push(from[i] ?? 0);
    }
  }
  return Buffer.from(bytes).toString();
}

function parseLine(line: string): MountEntry {
  const fields = line.split(" ");
  const dash = fields.indexOf("-", 6);
  const [id, parentId, device = "", root, mountPoint, options] = fields;
  const [major, minor] = device.split(":").map(Number);
  const [type, source, superOptions] = dash < 0 ? [] : fields.slice(dash + 1);
  const numbers = [Number(id), Number(parentId), major ?? Number.NaN, minor ?? Number.NaN];
  if (numbers.some((n) => !Number.isInteger(n)) || mountPoint === undefined || source === undefined) {
    throw sysErrors.KATA_SYS_MOUNTINFO({ line });
  }
  const group = (tag: string): number | undefined => {
    const field = fields.slice(6, dash).find((f) => f.startsWith(`${tag}:`));
    return field === undefined ? undefined : Number(field.slice(tag.length + 1));
  };
  const sharedGroup = group("shared");
  const masterGroup = group("master");
  return {
    id: numbers[0] as number,
    parentId: numbers[1] as number,
    major: numbers[2] as number,
    minor: numbers[3] as number,
    root: unescapeOctal(root ?? ""),
    mountPoint: unescapeOctal(mountPoint),
    options: (options ?? "").split(","),
    ...(sharedGroup === undefined ? {} : { sharedGroup }),
    ...(masterGroup === undefined ? {} : { masterGroup }),
    type: unescapeOctal(type ?? ""),
    source: unescapeOctal(source),
    superOptions: (superOptions ?? "").split(","),
  };
}

/** Parses a whole mountinfo file; a line that is none is `KATA_SYS_MOUNTINFO`. */
export function parseMountinfo(text: string): MountEntry[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(parseLine);
}

/** The entries mounted at or below `directory`, an absolute path; a neighbour whose name only begins alike is not. */
export function mountsBelow(entries: readonly MountEntry[], directory: string): MountEntry[] {
  const base = directory.replace(/\/+$/, "");
  return entries.filter((e) => e.mountPoint === base || e.mountPoint.startsWith(`${base}/`));
}
