import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../../../src/core/errors/error.js";
import { hostHasV2 } from "../host-cgroup.js";
import { units } from "./units.js";

const cgroups = "/sys/fs/cgroup";
const systemd = "/lib/systemd/systemd";
/** Milliseconds it may take to come up, and its cgroups to be empty at its end; it takes long where all is emulated. */
const startTime = 60_000;
const endTime = 10_000;

/** What keeps a systemd from being run for tests; undefined when nothing does. */
export function whyNoSystemdHost(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root: it makes namespaces, and cgroups for a systemd of its own";
  const missing = [systemd, "/usr/bin/busctl", "/usr/bin/dbus-daemon"].find((file) => !existsSync(file));
  return missing === undefined ? undefined : `needs a systemd to run, and there is no ${missing}`;
}

/** What is done in the namespaces before systemd is PID 1 of them: `$1` is the directory of its units, `$2` its console. */
const prepare = `set -e
mount --make-rprivate /
mount -t proc proc /proc
mounts=$(awk '$2 ~ "^${cgroups}/" && $3 ~ "^cgroup" { print $2, $3 }' /proc/mounts)
umount -R ${cgroups}
if [ -z "$mounts" ]; then mount -t cgroup2 cgroup2 ${cgroups}; else
  mount -t tmpfs -o mode=755 cgroup ${cgroups}
  echo "$mounts" | while read -r at type; do
    mkdir "$at"
    case $at in
      */systemd) mount -t cgroup -o none,name=systemd cgroup "$at" ;;
      */unified) mount -t cgroup2 cgroup2 "$at" ;;
      *) mount -t cgroup -o "\${at##*/}" cgroup "$at" ;;
    esac
  done
fi
mount -t tmpfs -o mode=755 run /run
[ -z "$TMPDIR" ] || mkdir -p "$TMPDIR"
mount --bind "$2" /dev/console
read -r go
export container=other SYSTEMD_UNIT_PATH="/run/systemd/system.control:/run/systemd/transient:$1" SYSTEMD_GENERATOR_PATH=/nowhere
exec ${systemd} --system --unit=test.target --log-target=console --show-status=no
`;

/**
 * A systemd that is PID 1 of namespaces of its own, over cgroups that are below those of this machine: version 1 or 2, as it
 * has them. It is a real one, the distribution's, with a bus and no services.
 */
export class SystemdHost {
  readonly #directory: string;
  readonly #cgroups: readonly string[];
  readonly #process: ChildProcess;

  private constructor(directory: string, made: readonly string[], process: ChildProcess) {
    this.#directory = directory;
    this.#cgroups = made;
    this.#process = process;
  }

  static async start(): Promise<SystemdHost> {
    // Not below /run, which it gets anew.
    const directory = mkdtempSync("/tmp/kata-ts-systemd-");
    const made = hierarchies().map((root) => makeCgroup(root, basename(directory)));
    for (const [name, text] of Object.entries(units)) writeFileSync(join(directory, name), text);
    writeFileSync(join(directory, "prepare"), prepare);
    writeFileSync(join(directory, "console"), "");
    // Only what is inside of its root cgroups may be there: of version 2 it could give no controllers on otherwise.
    const enter = `for one in ${made.join(" ")}; do echo $$ >$one/cgroup.procs; done
exec unshare --fork --pid --mount --cgroup --uts --kill-child sh ${directory}/prepare ${directory} ${directory}/console`;
    const child = spawn("sh", ["-c", enter], { stdio: ["pipe", "inherit", "inherit"] });
    const host = new SystemdHost(directory, made, child);
    try {
      const pid = await host.#until(() => host.#init());
      for (const root of hierarchies()) writeFileSync(join(root, "cgroup.procs"), String(child.pid));
      child.stdin?.end("go\n");
      const inside = `/proc/${pid}/root`;
      await host.#until(() => existsSync(`${inside}/run/dbus/system_bus_socket`) || undefined);
      await host.#until(() => host.#enter(["systemctl", "is-active", "--quiet", "dbus.service"]) === 0 || undefined);
      return host;
    } catch (error) {
      await host.close();
      throw error;
    }
  }

  /** Runs a command as a service of it, as containerd is one; gives its exit code. */
  run(command: readonly string[], env: Readonly<Record<string, string>>): number {
    const properties = ["DefaultDependencies=no", "Delegate=yes"].flatMap((one) => ["-p", one]);
    const variables = Object.entries(env).map(([name, value]) => `--setenv=${name}=${value}`);
    const options = ["--quiet", "--wait", "--pipe", "--collect", `--working-directory=${process.cwd()}`];
    return this.#enter(["systemd-run", ...options, ...properties, ...variables, "--", ...command]);
  }

  /** What it wrote to its console. */
  console(): string {
    return readFileSync(join(this.#directory, "console"), "utf8");
  }

  async close(): Promise<void> {
    const ended = this.#process.exitCode === null && this.#process.signalCode === null;
    this.#process.kill("SIGKILL");
    if (ended) await once(this.#process, "exit");
    const end = performance.now() + endTime;
    for (const directory of this.#cgroups) await removeCgroups(directory, end);
    rmSync(this.#directory, { recursive: true });
  }

  #enter(command: readonly string[]): number {
    const target = ["--target", String(this.#init()), "--pid", "--mount", "--cgroup", "--uts"];
    const result = spawnSync("nsenter", [...target, "--", ...command], { stdio: ["ignore", "inherit", "inherit"] });
    if (result.error) throw result.error;
    return result.status ?? -1;
  }

  /** The pid of its first process, as it is outside. */
  #init(): number | undefined {
    const { pid } = this.#process;
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
    return child === undefined || child === "" ? undefined : Number(child);
  }

  async #until<T>(look: () => T | undefined): Promise<T> {
    const end = performance.now() + startTime;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (performance.now() > end) throw new Error(`systemd did not come up; its console:\n${this.console()}`);
      await sleep(50);
    }
  }
}

/** Roots of all hierarchies of this machine. */
function hierarchies(): string[] {
  if (hostHasV2()) return [cgroups];
  const entries = readdirSync(cgroups, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(cgroups, name));
}

/** Makes a cgroup with all controllers that there are. */
function makeCgroup(root: string, name: string): string {
  const controllers = join(root, "cgroup.controllers");
  if (existsSync(controllers)) {
    const names = readFileSync(controllers, "utf8").split(/\s+/);
    for (const one of names.filter((text) => text !== "")) {
      writeFileSync(join(root, "cgroup.subtree_control"), `+${one}`);
    }
  }
  const own = join(root, name);
  mkdirSync(own);
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    if (existsSync(join(root, file))) writeFileSync(join(own, file), readFileSync(join(root, file)));
  }
  return own;
}

async function removeCgroups(directory: string, end: number): Promise<void> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeCgroups(join(directory, entry.name), end);
  }
  for (;;) {
    try {
      return rmdirSync(directory);
    } catch (error) {
      if (codeOf(error) !== "EBUSY" || performance.now() > end) throw error;
      await sleep(20);
    }
  }
}
