import { existsSync, fstatSync, readSync } from "node:fs";
import type { Sys } from "../../../src/core/sys/sys.js";
import { agentErrors, badArgument } from "../errors.js";
import type { Programs } from "../programs.js";

/** What is needed to run iptables. */
export interface PacketFilterTools {
  readonly sys: Pick<Sys, "descriptors">;
  readonly programs: Pick<Programs, "run" | "nothing">;
}

const places = ["/usr/sbin", "/sbin"];

/** Bytes of rules that are read or written at most: well below a message's limit. */
const rulesLimit = 2 * 1024 * 1024;

/** The rules as iptables-save(8) prints them. */
export async function readPacketFilter({ sys, programs }: PacketFilterTools, ipv6: boolean): Promise<Uint8Array> {
  const file = findProgram(ipv6, "save");
  const output = sys.descriptors.memfd("rules");
  try {
    const { nothing } = programs;
    await programs.run({ file, args: [], stdio: [nothing, output, nothing] });
    return readAll(output);
  } finally {
    sys.descriptors.close(output);
  }
}

/** Replaces the rules by those given, as iptables-restore(8) reads them; what that prints. */
export async function writePacketFilter(
  { sys, programs }: PacketFilterTools,
  ipv6: boolean,
  rules: Uint8Array,
): Promise<Uint8Array> {
  if (rules.length > rulesLimit) throw badArgument("data", rules.length, `${rulesLimit} bytes at most`);
  const file = findProgram(ipv6, "restore");
  const [input, output] = [sys.descriptors.memfd("rules"), sys.descriptors.memfd("words")];
  try {
    writeAll(sys, input, rules);
    await programs.run({ file, args: [`/proc/self/fd/0`], stdio: [input, output, output] }).catch((cause: unknown) => {
      throw agentErrors.KATA_GUEST_IPTABLES(
        { program: file, words: readAll(output).toString("utf8").trim() },
        { cause },
      );
    });
    return readAll(output);
  } finally {
    for (const fd of [input, output]) sys.descriptors.close(fd);
  }
}

function findProgram(ipv6: boolean, what: "save" | "restore"): string {
  const program = `${ipv6 ? "ip6tables" : "iptables"}-${what}`;
  const found = places.map((place) => `${place}/${program}`).find((path) => existsSync(path));
  if (found === undefined) throw agentErrors.KATA_GUEST_NO_IPTABLES({ program });
  return found;
}

function writeAll(sys: PacketFilterTools["sys"], fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += sys.descriptors.write(fd, bytes.subarray(at)) ?? 0;
}

function readAll(fd: number): Buffer {
  const bytes = Buffer.alloc(Math.min(fstatSync(fd).size, rulesLimit));
  return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0));
}
