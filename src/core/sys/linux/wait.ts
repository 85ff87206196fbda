import type { ChildExit, WaitOptions, WaitTarget } from "../processes.js";
import type { Libc } from "./libc.js";

const noHang = 0x1;
const hasExited = 0x4;
const noWait = 0x01000000;
const idTypes = { any: 0, pid: 1, group: 2, pidfd: 3 } as const;

/** `si_code` of a SIGCHLD. */
const codeExited = 1;
const codeDumped = 3;

function idOf(target: WaitTarget): readonly [type: number, id: number] {
  if ("pid" in target) return [idTypes.pid, target.pid];
  if ("pidfd" in target) return [idTypes.pidfd, target.pidfd];
  if ("group" in target) return [idTypes.group, target.group];
  return [idTypes.any, 0];
}

/** See `Processes.wait`. ECHILD when there is no such child. */
export function waitForChild(libc: Libc, target: WaitTarget, { peek = false }: WaitOptions): ChildExit | undefined {
  const info = Buffer.alloc(128);
  const flags = noHang | hasExited | (peek ? noWait : 0);
  const [type, id] = idOf(target);
  libc.call("int waitid(int, int, void*, int)", type, id, info, flags);
  // siginfo_t: si_code at 8, si_pid 16, si_uid 20, si_status 24; a pid of 0 says that none has ended
  const pid = info.readInt32LE(16);
  if (pid === 0) return undefined;
  const code = info.readInt32LE(8);
  const status = info.readInt32LE(24);
  const uid = info.readUInt32LE(20);
  if (code === codeExited) return { pid, uid, exitCode: status, coreDumped: false };
  return { pid, uid, exitCode: 128 + status, signal: status, coreDumped: code === codeDumped };
}
