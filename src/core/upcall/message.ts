import { upcallErrors } from "./errors.js";

/**
 * The upcall protocol of Dragonball: what a machine asks its guest to do about devices and processors that it plugs in and
 * out. A stream to port 219 of the guest: one byte that chooses the service, a message of the guest's that it is there, then
 * requests and replies in turn. Messages have 1024 bytes, little-endian (Kata's guest kernel patches, `dbs_upcall`).
 */
export const upcallPort = 219;

/** The service that plugs: `d`. */
export const upcallService = 0x64;

export const messageBytes = 0x400;

/** `DM`, version 1.0. */
const magic = 0x444d0100;

/** Kinds of messages; a reply has that of its request. */
export const upcallKinds = { connect: 0, addCpu: 1, delCpu: 2, addMmio: 5, delMmio: 6 } as const;
export type UpcallKind = keyof typeof upcallKinds;

/** Offsets: the header, then a request's content, or a reply's result and what more it says. */
const at = { magic: 0, size: 4, kind: 8, flags: 12, content: 16, result: 16, more: 20 } as const;

/** Of `MmioDevRequest` and its 24 bytes. */
const mmio = { bytes: 24, address: 0, size: 8, line: 16 } as const;

/** Of `CpuDevRequest` on x86 and its 258 bytes. */
const cpu = { bytes: 258, count: 0, version: 1, ids: 2, most: 255 } as const;

/** Version of the local APICs. */
const apicVersion = 0x14;

/** Bytes of the name of a disk in a reply, the zero after it with them. */
const nameBytes = 16;

/** Names that Linux gives virtio disks. */
const diskName = /^vd[a-z]{1,3}$/;

/** A memory-mapped virtio device came, or goes. */
export interface MmioRequest {
  readonly kind: "addMmio" | "delMmio";
  readonly address: number;
  readonly size: number;
  readonly line: number;
}

/** Processors came, or go, by the ids of their local APICs: 1 to 255 of them, below 256. */
export interface ProcessorRequest {
  readonly kind: "addCpu" | "delCpu";
  readonly ids: readonly number[];
}

/** What is asked of the guest. */
export type UpcallRequest = MmioRequest | ProcessorRequest;

/** What the guest answers. */
export interface UpcallReply {
  /** 0 when it is done, otherwise the negative number of an error of Linux's. */
  readonly result: number;
  /** Of processors: how many were done. */
  readonly processors?: number;
  /**
   * Of a device that has become a disk, its name: `vdb`. Our own addition, in bytes that others leave zero or to something
   * that is no such name.
   */
  readonly disk?: string;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function newMessage(kind: UpcallKind, size: number): { readonly bytes: Buffer; readonly view: DataView } {
  const bytes = Buffer.alloc(messageBytes);
  const view = viewOf(bytes);
  view.setUint32(at.magic, magic, true);
  view.setUint32(at.size, size, true);
  view.setUint32(at.kind, upcallKinds[kind], true);
  return { bytes, view };
}

/** What the guest sends first. */
export const encodeGreeting = (): Buffer => newMessage("connect", 0).bytes;

/** Checks what a guest sends first; `KATA_UPCALL_MESSAGE`. */
export function checkGreeting(bytes: Uint8Array): void {
  const view = checkedView(bytes);
  if (view.getUint32(at.kind, true) !== upcallKinds.connect || view.getUint32(at.size, true) !== 0)
    throw upcallErrors.KATA_UPCALL_MESSAGE({ problem: "it is not the greeting that comes first" });
}

export function encodeRequest(request: UpcallRequest): Buffer {
  if ("address" in request) {
    const { bytes, view } = newMessage(request.kind, mmio.bytes);
    view.setBigUint64(at.content + mmio.address, BigInt(request.address), true);
    view.setBigUint64(at.content + mmio.size, BigInt(request.size), true);
    view.setUint32(at.content + mmio.line, request.line, true);
    return bytes;
  }
  const { ids } = request;
  if (ids.length === 0 || ids.length > cpu.most || ids.some((id) => !Number.isInteger(id) || id < 0 || id > 255))
    throw upcallErrors.KATA_UPCALL_MESSAGE({ problem: `processors ${ids.join(", ")} are not 1 to 255 ids below 256` });
  const { bytes, view } = newMessage(request.kind, cpu.bytes);
  view.setUint8(at.content + cpu.count, ids.length);
  view.setUint8(at.content + cpu.version, apicVersion);
  bytes.set(ids, at.content + cpu.ids);
  return bytes;
}

/** Reads a request; `KATA_UPCALL_MESSAGE` for what is none. */
export function decodeRequest(bytes: Uint8Array): UpcallRequest {
  const view = checkedView(bytes);
  const kind = kindOf(view);
  switch (kind) {
    case "addMmio":
    case "delMmio":
      checkSize(view, mmio.bytes);
      return {
        kind,
        address: exact(view.getBigUint64(at.content + mmio.address, true)),
        size: exact(view.getBigUint64(at.content + mmio.size, true)),
        line: view.getUint32(at.content + mmio.line, true),
      };
    case "addCpu":
    case "delCpu": {
      checkSize(view, cpu.bytes);
      const count = view.getUint8(at.content + cpu.count);
      if (count === 0) throw upcallErrors.KATA_UPCALL_MESSAGE({ problem: "it names no processor" });
      const first = at.content + cpu.ids;
      return { kind, ids: [...bytes.subarray(first, first + count)] };
    }
    default:
      throw upcallErrors.KATA_UPCALL_MESSAGE({ problem: `its kind ${view.getUint32(at.kind, true)} is no request` });
  }
}

/** The reply to a request of that kind. */
export function encodeReply(kind: UpcallKind, { result, processors = 0, disk }: UpcallReply): Buffer {
  const { bytes, view } = newMessage(kind, 0);
  view.setInt32(at.result, result, true);
  if (kind === "addCpu" || kind === "delCpu") view.setUint32(at.more, processors, true);
  else if (disk !== undefined) bytes.write(disk.slice(0, nameBytes - 1), at.more, "latin1");
  return bytes;
}

/** Reads the reply to a request of that kind; `KATA_UPCALL_MESSAGE` for what is none. What it says more is checked too. */
export function decodeReply(kind: UpcallKind, bytes: Uint8Array): UpcallReply {
  const view = checkedView(bytes);
  const found = view.getUint32(at.kind, true);
  if (found !== upcallKinds[kind])
    throw upcallErrors.KATA_UPCALL_MESSAGE({
      problem: `its kind ${found} is not that of the request, ${upcallKinds[kind]}`,
    });
  const result = view.getInt32(at.result, true);
  if (kind === "addCpu" || kind === "delCpu") return { result, processors: view.getUint32(at.more, true) };
  const disk = nameIn(bytes.subarray(at.more, at.more + nameBytes));
  return { result, ...(disk !== undefined && { disk }) };
}

function nameIn(bytes: Uint8Array): string | undefined {
  const end = bytes.indexOf(0);
  const text = Buffer.from(bytes.subarray(0, Math.max(end, 0))).toString("latin1");
  return diskName.test(text) ? text : undefined;
}

function checkedView(bytes: Uint8Array): DataView {
  if (bytes.length !== messageBytes)
    throw upcallErrors.KATA_UPCALL_MESSAGE({ problem: `it has ${bytes.length} bytes, not ${messageBytes}` });
  const view = viewOf(bytes);
  const found = view.getUint32(at.magic, true);
  if (found !== magic)
    throw upcallErrors.KATA_UPCALL_MESSAGE({
      problem: `it begins with 0x${found.toString(16)}, not 0x${magic.toString(16)}`,
    });
  return view;
}

function kindOf(view: DataView): UpcallKind | undefined {
  const number = view.getUint32(at.kind, true);
  return (Object.keys(upcallKinds) as UpcallKind[]).find((kind) => upcallKinds[kind] === number);
}

function checkSize(view: DataView, size: number): void {
  const found = view.getUint32(at.size, true);
  if (found !== size)
    throw upcallErrors.KATA_UPCALL_MESSAGE({ problem: `its content has ${found} bytes, not ${size}` });
}

function exact(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw upcallErrors.KATA_UPCALL_MESSAGE({ problem: `it has the number ${value}` });
  return Number(value);
}
