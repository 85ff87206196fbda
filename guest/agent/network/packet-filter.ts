import { existsSync, fstatSync, readSync } from "node:fs";
import type { Sys } from "../../../src/core/sys/sys.js";
import { agentErrors, badArgument } from "../errors.js";
import type { Programs } from "../programs.js";

/** What is needed to run iptables. */
export interface PacketFilterTools {
  readonly sys: Pick<Sys, "descriptors">;
  readonly programs: Pick<Programs, "run">;
  /** Directories that iptables is looked for in, the usual ones unless told. */
  readonly places?: readonly string[];
}

const usualPlaces = ["/usr/sbin", "/sbin"];

/** Bytes of rules that are read or written at most: well below a message's limit. */
const rulesLimit = 2 * 1024 * 1024;

/** The rules as iptables-save(8) prints them; empty while there are none. */
export async function readPacketFilter(tools: PacketFilterTools, ipv6: boolean): Promise<Uint8Array> {
  return run(tools, findProgram(tools, ipv6, "save"), new Uint8Array(0), (file, words, cause) =>
    agentErrors.KATA_GUEST_PROGRAM({ program: file, how: "does not tell the rules", output: words }, { cause }),
  );
}

/** Replaces the rules of the tables that are given, as iptables-restore(8) reads them: all or none. What that prints. */
export async function writePacketFilter(
  tools: PacketFilterTools,
  ipv6: boolean,
  rules: Uint8Array,
): Promise<Uint8Array> {
  if (rules.length > rulesLimit) throw badArgument("data", rules.length, `${rulesLimit} bytes at most`);
  return run(tools, findProgram(tools, ipv6, "restore"), rules, (program, words, cause) =>
    agentErrors.KATA_GUEST_IPTABLES({ program, words }, { cause }),
  );
}

/** Runs a program with what it reads: what it prints, or an error made of its last words. */
async function run(
  { sys: { descriptors }, programs }: PacketFilterTools,
  file: string,
  bytes: Uint8Array,
  failure: (file: string, words: string, cause: unknown) => Error,
): Promise<Uint8Array> {
  const open = (name: string): number => descriptors.memfd(name);
  const [input, output, errors] = [open("input"), open("output"), open("errors")];
  try {
    for (let at = 0; at < bytes.length; ) at += descriptors.write(input, bytes.subarray(at)) ?? 0;
    // Opened anew by its name, it is read from the beginning.
    const args = bytes.length > 0 ? ["/proc/self/fd/0"] : [];
    await programs.run({ file, args, stdio: [input, output, errors] }).catch((cause: unknown) => {
      throw failure(file, readAll(errors).toString("utf8").trim(), cause);
    });
    const { size } = fstatSync(output);
    if (size > rulesLimit) throw agentErrors.KATA_GUEST_RULES_SIZE({ program: file, size, most: rulesLimit });
    return readAll(output);
  } finally {
    for (const fd of [input, output, errors]) descriptors.close(fd);
  }
}

function findProgram(
  { places = usualPlaces }: Pick<PacketFilterTools, "places">,
  ipv6: boolean,
  what: "save" | "restore",
): string {
  const program = `${ipv6 ? "ip6tables" : "iptables"}-${what}`;
  const found = places.map((place) => `${place}/${program}`).find((path) => existsSync(path));
  if (found === undefined) throw agentErrors.KATA_GUEST_NO_IPTABLES({ program });
  return found;
}

function readAll(fd: number): Buffer {
  const bytes = Buffer.alloc(Math.min(fstatSync(fd).size, rulesLimit));
  return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0));
}
