import { Child, forcedKill } from "../../../core/process/child.js";
import { isExecutable } from "../../../core/process/find-executable.js";
import { virtioFsErrors } from "./errors.js";
import type { DaemonFlavour } from "./extra-arguments.js";
import type { VirtioFsSettings } from "./settings.js";

/** A virtiofsd that is there. */
export interface FoundDaemon {
  readonly path: string;
  readonly flavour: DaemonFlavour;
}

/** Where distributions put it; the one in Rust is found first. */
const usualPaths = [
  "/usr/libexec/virtiofsd",
  "/usr/lib/virtiofsd",
  "/usr/lib/qemu/virtiofsd",
  "/usr/libexec/qemu/virtiofsd",
  "/opt/kata/libexec/virtiofsd",
];

const versionMs = 5000;

/** Which virtiofsd the answer to `--version` is of: `virtiofsd version 7.2.22 (Debian …)` is C, `virtiofsd 1.13.0` Rust. */
export function flavourOf(lines: readonly string[]): DaemonFlavour | undefined {
  if (lines.some((line) => /^virtiofsd version \d/.test(line))) return "c";
  return lines.some((line) => /^virtiofsd(?: backend)? v?\d/.test(line)) ? "rust" : undefined;
}

/** The daemon that is configured or found, and which of the two it is; asking it takes a few milliseconds. */
export async function findDaemon(
  settings: Pick<VirtioFsSettings, "daemon" | "daemonWhere">,
  paths: readonly string[] = usualPaths,
): Promise<FoundDaemon> {
  const { daemon, daemonWhere } = settings;
  if (daemon !== undefined && !isExecutable(daemon))
    throw virtioFsErrors.KATA_VIRTIOFS_DAEMON_MISSING({ path: daemon, where: daemonWhere });
  const path = daemon ?? paths.find(isExecutable);
  if (path === undefined) throw virtioFsErrors.KATA_VIRTIOFS_DAEMON_NOT_FOUND({ tried: paths });
  const child = await Child.spawn({ name: "virtiofsd --version", command: path, args: ["--version"] });
  if ((await child.waitFor(versionMs)) === undefined) await child.end(forcedKill);
  const lines = child.tail(5);
  const flavour = flavourOf(lines);
  if (flavour === undefined) throw virtioFsErrors.KATA_VIRTIOFS_DAEMON_UNKNOWN({ path, where: daemonWhere, lines });
  return { path, flavour };
}
