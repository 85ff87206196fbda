import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, messageOf } from "../../../core/errors/error.js";
import type { GuestFiles } from "../../../core/hypervisor/guest-files.js";
import { layout, lines, ports, portValues } from "../../../vmm/machine/layout.js";
import { readTrusted } from "../../../vmm/snapshot/trusted-file.js";

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

/** Where a guest was told its devices are, by the program that made its machine: another program may have other places. */
const places = createHash("sha256")
  .update(JSON.stringify([layout, lines, ports, portValues]))
  .digest("hex")
  .slice(0, 16);

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
    "layout, by the program that saved it,": places,
  };
}

/** Writes it beside a saved machine. */
export const writeIdentity = (directory: string, identity: MachineIdentity): Promise<void> =>
  writeFile(join(directory, file), JSON.stringify(identity), { mode: 0o600, flag: "wx" });

/** How the machine that is saved there is another one, in words; undefined when it is not. */
export function identityDifference(directory: string, wanted: MachineIdentity): string | undefined {
  const saved = readIdentity(directory);
  if (typeof saved === "string") return saved;
  const name = Object.keys(wanted).find((one) => saved[one] !== wanted[one]);
  return name && `its ${name} is ${String(saved[name])}, configured is ${wanted[name]}`;
}

function readIdentity(directory: string): Readonly<Record<string, unknown>> | string {
  const path = join(directory, file);
  try {
    const value: unknown = JSON.parse(readTrusted(path));
    return typeof value === "object" && value !== null ? { ...value } : `${path} is no description of a machine`;
  } catch (error) {
    return codeOf(error) === "KATA_VMM_SNAPSHOT_MISSING"
      ? `no machine is saved in ${directory} yet`
      : `${path}: ${messageOf(error)}`;
  }
}
