import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "mocha";
import { withDeadline } from "../../../src/core/deadline.js";
import { silentLogger, type Logger } from "../../../src/core/log.js";
import { SandboxRecord } from "../../../src/core/sandbox/record.js";
import { isExecutable } from "../../../src/core/process/find-executable.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import type { SandboxMode } from "../../../src/plugins/storage/virtio-fs/command-line.js";
import type { VirtioFsSettings } from "../../../src/plugins/storage/virtio-fs/settings.js";
import { VirtioFs } from "../../../src/plugins/storage/virtio-fs/virtio-fs.js";
import { parentOf } from "../../support/leaks.js";
import { skip } from "../../support/skip.js";

export const sys = createLinuxSys();

/** Every virtiofsd there is: the distribution's, and one that a variable names. */
export const daemons = [
  "/usr/lib/qemu/virtiofsd",
  "/usr/libexec/virtiofsd",
  process.env["KATA_TS_TEST_VIRTIOFSD"] ?? "",
].filter((path) => path !== "" && isExecutable(path));

/** Skips the suite, from its `before` hook, where it cannot mount or has no daemon. */
export function needsDaemon(context: Context): void {
  if (process.getuid?.() !== 0) skip(context, "mounting needs root");
  if (daemons.length === 0) skip(context, "no virtiofsd is installed (qemu-system-common)");
}

export const never = new AbortController().signal;

/** Directories of one sandbox of a test's own. */
export interface Place {
  readonly root: string;
  readonly runDirectory: string;
  /** Where the shared tree is made. */
  readonly directory: string;
  readonly socket: string;
  /** Makes a directory below the test's root that is not the sandbox's. */
  make(name: string): string;
  remove(): void;
}

export function makePlace(): Place {
  const root = mkdtempSync(join(tmpdir(), "kata-share-"));
  const runDirectory = join(root, "run");
  mkdirSync(runDirectory, { mode: 0o700 });
  return {
    root,
    runDirectory,
    directory: join(root, "shared/ns@sandbox"),
    socket: join(runDirectory, "virtiofsd.sock"),
    make(name) {
      mkdirSync(join(root, name), { recursive: true });
      return join(root, name);
    },
    remove: () => rmSync(root, { recursive: true }),
  };
}

/** A share in a place; settings as configuration has them by default. */
export function makeShare(
  place: Place,
  options: { settings?: Partial<VirtioFsSettings>; sandbox?: SandboxMode; log?: Logger } = {},
): VirtioFs {
  const { directory, socket, runDirectory } = place;
  const settings: VirtioFsSettings = {
    daemon: undefined,
    daemonWhere: "default",
    cache: "never",
    cacheSizeMiB: 0,
    queueSize: 1024,
    extra: [],
    extraWhere: "default",
    ...options.settings,
  };
  const record =
    SandboxRecord.load(runDirectory) ?? SandboxRecord.create(runDirectory, { namespace: "ns", id: "sandbox" });
  const { sandbox, log = silentLogger } = options;
  return new VirtioFs({ sys, log, record, directory, socket, settings, ...(sandbox && { sandbox }) });
}

/** Connects as a machine does; the daemon enters its sandbox then. */
export async function connectClient(socket: string): Promise<Socket> {
  return withDeadline({ ms: 5000, what: `a connection to ${socket}` }, async () => {
    const client = connect(socket);
    await new Promise<void>((resolve, reject) => {
      client.once("connect", resolve);
      client.once("error", reject);
    });
    return client;
  });
}

/** Pids of the daemons that serve something below `root`, those that others have come from first. */
export function daemonsOf(root: string): number[] {
  const daemons = readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("/") && commandOf(pid).includes(`${root}/shared/`)
        );
      } catch {
        return false;
      }
    })
    .map(Number);
  // Node gives names in the order of texts, so that 1000 comes before 999.
  const isChild = (pid: number): boolean => daemons.includes(parentOf(pid));
  return daemons.toSorted((a, b) => Number(isChild(a)) - Number(isChild(b)));
}

function commandOf(pid: string): string {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
}

/** Waits until `condition` gives something. */
export async function until<T>(what: string, condition: () => T | undefined): Promise<T> {
  return withDeadline({ ms: 8000, what }, async (signal) => {
    while (!signal.aborted) {
      const value = condition();
      if (value !== undefined && value !== false) return value;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error("unreachable");
  });
}

/** A path as the sandboxed daemon of a share sees it, for reading through `/proc/<pid>/root`. */
export async function insideDaemon(root: string): Promise<(path: string) => string> {
  const pid = await until("the daemon to enter its sandbox", () =>
    daemonsOf(root).find((candidate) => {
      const entries = readdirSync(`/proc/${candidate}/root/`);
      const isConfined =
        !entries.includes("proc") && /Seccomp:\t2/.test(readFileSync(`/proc/${candidate}/status`, "utf8"));
      return isConfined;
    }),
  );
  return (path) => join(`/proc/${pid}/root`, path);
}
