import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { cpus, release } from "node:os";
import { dirname } from "node:path";
import { codeOf } from "../errors/error.js";
import { makeDirectories } from "../make-directories.js";

/** Whether KVM can be used, and the reason: of a "no" what is wrong, of a "yes" how that is known. */
export interface KvmVerdict {
  readonly usable: boolean;
  readonly reason: string;
}

interface CachedVerdict extends KvmVerdict {
  readonly version: 1;
  /** The machine it was found on. */
  readonly host: string;
  /** Milliseconds since the epoch after which it is found out anew; absent when it holds until the next boot. */
  readonly until?: number;
}

const unreadable = new Set(["ENOENT", "ENOTDIR", "ELOOP", "EACCES", "EISDIR"]);

/** Names this boot of this machine with this KVM: after a change of any of it a verdict says nothing any more. */
export function hostFingerprint(device: string): string {
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  const { ino, ctimeMs } = statSync(device);
  return [bootId, release(), cpus()[0]?.model ?? "", ino, ctimeMs].join(" ");
}

/** The verdict kept in a file for this host; undefined when there is none. A file that others may write to is no witness. */
export function readVerdict(file: string, host: string, now: number = Date.now()): KvmVerdict | undefined {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (unreadable.has(codeOf(error) ?? "")) return undefined;
    throw error;
  }
  try {
    const { uid, mode, size } = fstatSync(fd);
    const regular = (mode & constants.S_IFMT) === constants.S_IFREG;
    if (!regular || uid !== process.geteuid?.() || (mode & 0o077) !== 0 || size > 4096) return undefined;
    return parseVerdict(readFileSync(fd, "utf8"), host, now);
  } finally {
    closeSync(fd);
  }
}

function parseVerdict(text: string, host: string, now: number): KvmVerdict | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const found = value as Partial<Record<keyof CachedVerdict, unknown>>;
  if (found.version !== 1 || found.host !== host) return undefined;
  if (typeof found.usable !== "boolean" || typeof found.reason !== "string") return undefined;
  if (found.until !== undefined && (typeof found.until !== "number" || found.until < now)) return undefined;
  return { usable: found.usable, reason: found.reason };
}

/** Keeps a verdict for other processes, for `ms` milliseconds or until the next boot. */
export function writeVerdict(file: string, host: string, verdict: KvmVerdict, ms?: number): void {
  const { usable, reason } = verdict;
  const content: CachedVerdict = {
    version: 1,
    host,
    usable,
    reason,
    ...(ms !== undefined && { until: Date.now() + ms }),
  };
  const partial = `${file}.${process.pid}`;
  makeDirectories(dirname(file), 0o711);
  try {
    writeFileSync(partial, `${JSON.stringify(content)}\n`, { mode: 0o600 });
    renameSync(partial, file);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}
