import type { ResourceLimit, ResourceLimitKind } from "../processes.js";
import type { Libc } from "./libc.js";

/** `RLIMIT_*`, asm-generic/resource.h. */
const numbers: Readonly<Record<ResourceLimitKind, number>> = {
  CPU: 0,
  FSIZE: 1,
  DATA: 2,
  STACK: 3,
  CORE: 4,
  RSS: 5,
  NPROC: 6,
  NOFILE: 7,
  MEMLOCK: 8,
  AS: 9,
  LOCKS: 10,
  SIGPENDING: 11,
  MSGQUEUE: 12,
  NICE: 13,
  RTPRIO: 14,
  RTTIME: 15,
};

const prototype = "int prlimit(int, int, void*, void*)";
const unlimited = 0xffff_ffff_ffff_ffffn;
const encode = (value: number): bigint => (value === Number.POSITIVE_INFINITY ? unlimited : BigInt(value));
const decode = (value: bigint): number => (value === unlimited ? Number.POSITIVE_INFINITY : Number(value));

/** See `Processes.resourceLimit`. */
export function readResourceLimit(libc: Libc, kind: ResourceLimitKind, pid: number): ResourceLimit {
  const bytes = Buffer.alloc(16);
  libc.call(prototype, pid, numbers[kind], null, bytes);
  return { soft: decode(bytes.readBigUInt64LE(0)), hard: decode(bytes.readBigUInt64LE(8)) };
}

/** See `Processes.setResourceLimit`. */
export function writeResourceLimit(libc: Libc, kind: ResourceLimitKind, limit: ResourceLimit, pid: number): void {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(encode(limit.soft), 0);
  bytes.writeBigUInt64LE(encode(limit.hard), 8);
  libc.call(prototype, pid, numbers[kind], bytes, null);
}
