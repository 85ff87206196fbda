import { statSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, messageOf } from "../../../core/errors/error.js";
import type { GuestFiles } from "../../../core/hypervisor/guest-files.js";

/** What a guest would find another machine by: one that is saved goes on only as the same. */
export type MachineIdentity = Readonly<Record<string, string | number>>;

/** What a machine is started with. */
export interface StartedWith {
  readonly vcpus: number;
  readonly maxVcpus: number;
  readonly memoryMiB: number;
  readonly commandLine: string;
  readonly files: Pick<GuestFiles, "kernel" | "initrd" | "image">;
  /** Of the image's disk. */
  readonly queues: number;
  readonly queueSize: number;
}

const file = "machine.json";

/** A file as it is now, without reading all of it: one that is changed is another. */
function stamp(path: string | undefined): string {
  if (path === undefined) return "none";
  const { dev, ino, size, mtimeNs } = statSync(path, { bigint: true });
  return `${path} (${size} bytes, file ${dev}:${ino}, of ${mtimeNs})`;
}

export function machineIdentity(start: StartedWith): MachineIdentity {
  const { vcpus, maxVcpus, memoryMiB, commandLine, files, queues, queueSize } = start;
  return {
    vcpus,
    "most vcpus": maxVcpus,
    "memory in MiB": memoryMiB,
    kernel: stamp(files.kernel),
    "boot archive": stamp(files.initrd),
    image: stamp(files.image),
    parameters: commandLine,
    "queues of the image": `${queues} of ${queueSize}`,
  };
}

/** Writes it beside a saved machine. */
export const writeIdentity = (directory: string, identity: MachineIdentity): Promise<void> =>
  writeFile(join(directory, file), JSON.stringify(identity), { mode: 0o600, flag: "wx" });

/** How the machine that is saved there is another one, in words; undefined when it is not. */
export async function identityDifference(directory: string, wanted: MachineIdentity): Promise<string | undefined> {
  const saved = await readIdentity(directory);
  if (typeof saved === "string") return saved;
  const name = Object.keys(wanted).find((one) => saved[one] !== wanted[one]);
  return name && `its ${name} is ${String(saved[name])}, configured is ${wanted[name]}`;
}

async function readIdentity(directory: string): Promise<Readonly<Record<string, unknown>> | string> {
  const path = join(directory, file);
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    return typeof value === "object" && value !== null ? { ...value } : `${path} is no description of a machine`;
  } catch (error) {
    return codeOf(error) === "ENOENT" ? `no machine is saved in ${directory} yet` : `${path}: ${messageOf(error)}`;
  }
}
