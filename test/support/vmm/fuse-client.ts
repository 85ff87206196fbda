import { mkdtempSync, openSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { OpenFlag } from "../../../src/core/sys/open-flags.js";
import { FuseServer, type FuseServerOptions } from "../../../src/vmm/fuse/fuse-server.js";
import { opcode } from "../../../src/vmm/fuse/protocol.js";

/** A node's number as it comes in answers. */
export const root = 1;

/** What a server answered. */
export interface FuseAnswer {
  /** Name of the errno, or `ok`. */
  readonly status: string;
  readonly body: Buffer;
}

/** What an answer says of a name. */
export interface FuseEntry {
  readonly status: string;
  readonly node: number;
  readonly attributes: FuseAttributes;
}

/** `struct fuse_attr`. */
export interface FuseAttributes {
  readonly inode: bigint;
  readonly size: number;
  readonly mode: number;
  readonly links: number;
  readonly uid: number;
  readonly gid: number;
  readonly device: number;
  readonly modified: number;
  readonly flags: number;
}

/** Numbers of a request's arguments: of 32 bits, or of 64 as bigints. */
export function words(...numbers: readonly (number | bigint)[]): Buffer {
  return Buffer.concat(
    numbers.map((number) => {
      const bytes = Buffer.alloc(typeof number === "bigint" ? 8 : 4);
      if (typeof number === "bigint") bytes.writeBigUInt64LE(BigInt.asUintN(64, number));
      else bytes.writeUInt32LE(number >>> 0);
      return bytes;
    }),
  );
}

/** A name with its zero byte. */
export function text(name: string | Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(name as string), Buffer.alloc(1)]);
}

/** Operations that have no answer, for which a driver leaves no room. */
const silent: readonly number[] = [opcode.forget, opcode.batchForget, opcode.interrupt];

const errnoNames = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

export function statusOf(error: number): string {
  return error === 0 ? "ok" : (errnoNames.get(-error) ?? `errno ${error}`);
}

export function attributesAt(body: Buffer, at: number): FuseAttributes {
  return {
    inode: body.readBigUInt64LE(at),
    size: Number(body.readBigUInt64LE(at + 8)),
    modified: Number(body.readBigUInt64LE(at + 32)),
    mode: body.readUInt32LE(at + 60),
    links: body.readUInt32LE(at + 64),
    uid: body.readUInt32LE(at + 68),
    gid: body.readUInt32LE(at + 72),
    device: body.readUInt32LE(at + 76),
    flags: body.readUInt32LE(at + 84),
  };
}

/** Whose a request is, and how much room there is for its answer. */
export interface CallOptions {
  readonly uid?: number;
  readonly gid?: number;
  /** Bytes besides the header. */
  readonly room?: number;
}

/** Speaks FUSE to a server as a guest's kernel does, without a machine. */
export class FuseClient {
  readonly server: FuseServer;
  readonly directory: string;
  readonly #remove: boolean;
  #unique = 1n;

  private constructor(server: FuseServer, directory: string, remove: boolean) {
    this.server = server;
    this.directory = directory;
    this.#remove = remove;
  }

  /** A server of a directory, which is a new one unless told; INIT is done unless told. */
  static async open(
    options: Partial<FuseServerOptions> & { readonly directory?: string; readonly init?: boolean } = {},
  ): Promise<FuseClient> {
    const directory = options.directory ?? mkdtempSync(join(tmpdir(), "fuse-"));
    const { inodes } = createLinuxSys();
    const path = options.root ?? openSync(directory, OpenFlag.pathOnly | OpenFlag.directory);
    const usual = {
      inodes,
      root: path,
      path: directory,
      readOnly: false,
      cache: "auto",
      nodes: 1000,
      handles: 100,
    } as const;
    const client = new FuseClient(new FuseServer({ ...usual, ...options }), directory, options.directory === undefined);
    if (options.init !== false) await client.init();
    return client;
  }

  close(): void {
    this.server.close();
    if (this.#remove) rmSync(this.directory, { recursive: true, force: true });
  }

  /** A request as its parts; what comes back is what the server wrote. */
  async call(
    operation: number,
    node: number,
    args: readonly Uint8Array[] = [],
    options: CallOptions = {},
  ): Promise<FuseAnswer> {
    const { uid = 0, gid = 0, room = 70_000 } = options;
    const body = Buffer.concat(args);
    const header = Buffer.concat([words(40 + body.length, operation, this.#unique++, BigInt(node), uid, gid, 1, 0)]);
    return this.raw([header, body], room, header.subarray(8, 16));
  }

  async raw(readable: readonly Buffer[], room: number, unique: Uint8Array): Promise<FuseAnswer> {
    const out = Buffer.alloc(16 + room, 0xee);
    const given = readable.filter(({ length }) => length > 0);
    const written = await this.server.serve(given, silent.includes(readable[0]?.readUInt32LE(4) ?? 0) ? [] : [out]);
    if (written === 0) return { status: "none", body: Buffer.alloc(0) };
    const length = out.readUInt32LE(0);
    if (length !== written) throw new Error(`the answer says it has ${length} bytes and has ${written}`);
    if (!out.subarray(8, 16).equals(unique)) throw new Error("the answer is for another request");
    if (out.subarray(written).some((byte) => byte !== 0xee)) throw new Error("more was written than was said");
    return { status: statusOf(out.readInt32LE(4)), body: out.subarray(16, written) };
  }

  init(flags = 0xffffffff): Promise<FuseAnswer> {
    return this.call(opcode.init, 0, [words(7, 38, 65536, flags, 0xffffffff, ...Array.from({ length: 11 }, () => 0))]);
  }

  async entry(
    operation: number,
    node: number,
    args: readonly Uint8Array[],
    options: CallOptions = {},
  ): Promise<FuseEntry> {
    const { status, body } = await this.call(operation, node, args, options);
    if (status !== "ok") return { status, node: 0, attributes: attributesAt(Buffer.alloc(88), 0) };
    return { status, node: Number(body.readBigUInt64LE(0)), attributes: attributesAt(body, 40) };
  }

  lookup(parent: number, name: string | Uint8Array): Promise<FuseEntry> {
    return this.entry(opcode.lookup, parent, [text(name)]);
  }

  /** The node of a path below the root, which must be there. */
  async walk(...names: readonly string[]): Promise<number> {
    let node = root;
    for (const name of names) {
      const entry = await this.lookup(node, name);
      if (entry.status !== "ok") throw new Error(`${name} of ${names.join("/")}: ${entry.status}`);
      node = entry.node;
    }
    return node;
  }

  async forget(node: number, count: number | bigint = 1): Promise<void> {
    await this.call(opcode.forget, node, [words(BigInt(count))]);
  }

  async attributes(node: number): Promise<FuseAttributes & { readonly status: string }> {
    const { status, body } = await this.call(opcode.getattr, node, [words(0, 0, 0n)]);
    return { status, ...attributesAt(status === "ok" ? body : Buffer.alloc(104), 16) };
  }

  mkdir(parent: number, name: string | Uint8Array, mode = 0o755, options: CallOptions = {}): Promise<FuseEntry> {
    return this.entry(opcode.mkdir, parent, [words(mode, 0), text(name)], options);
  }

  symlink(parent: number, name: string | Uint8Array, target: string): Promise<FuseEntry> {
    return this.entry(opcode.symlink, parent, [text(name), text(target)]);
  }

  mknod(parent: number, name: string, mode: number, device = 0, options: CallOptions = {}): Promise<FuseEntry> {
    return this.entry(opcode.mknod, parent, [words(mode, device, 0, 0), text(name)], options);
  }

  async create(
    parent: number,
    name: string | Uint8Array,
    flags = OpenFlag.readWrite,
    mode = 0o644,
    options: CallOptions = {},
  ) {
    const args = [words(flags | OpenFlag.create, mode, 0, 0), text(name)];
    const { status, body } = await this.call(opcode.create, parent, args, options);
    if (status !== "ok") return { status, node: 0, handle: 0n, attributes: attributesAt(Buffer.alloc(88), 0) };
    const node = Number(body.readBigUInt64LE(0));
    return { status, node, handle: body.readBigUInt64LE(128), attributes: attributesAt(body, 40) };
  }

  async open(node: number, flags: number = OpenFlag.read, operation: number = opcode.open) {
    const { status, body } = await this.call(operation, node, [words(flags, 0)]);
    return status === "ok"
      ? { status, handle: body.readBigUInt64LE(0), flags: body.readUInt32LE(8) }
      : { status, handle: 0n, flags: 0 };
  }

  release(node: number, handle: bigint, operation: number = opcode.release): Promise<FuseAnswer> {
    return this.call(operation, node, [words(handle, 0, 0, 0n)]);
  }

  read(node: number, handle: bigint, position: number | bigint, size: number, room = size): Promise<FuseAnswer> {
    return this.call(opcode.read, node, [words(handle, BigInt(position), size, 0, 0n, 0, 0)], { room });
  }

  async write(
    node: number,
    handle: bigint,
    position: number | bigint,
    data: Uint8Array,
    flags = 0,
    size = data.length,
  ) {
    const args = [words(handle, BigInt(position), size, 0, 0n, flags, 0), data];
    const { status, body } = await this.call(opcode.write, node, args);
    return { status, count: status === "ok" ? body.readUInt32LE(0) : 0 };
  }

  /** All of a directory, read in answers of `size` bytes. */
  async list(
    node: number,
    size = 4096,
    plus = false,
  ): Promise<{ readonly name: Buffer; readonly node: number; readonly type: number }[]> {
    const { handle, status } = await this.open(node, OpenFlag.read, opcode.opendir);
    if (status !== "ok") throw new Error(`opendir: ${status}`);
    const all: { readonly name: Buffer; readonly node: number; readonly type: number }[] = [];
    let place = 0n;
    for (;;) {
      const answer = await this.call(
        plus ? opcode.readdirplus : opcode.readdir,
        node,
        [words(handle, place, size, 0, 0n, 0, 0)],
        { room: size },
      );
      if (answer.status !== "ok") throw new Error(`readdir: ${answer.status}`);
      if (answer.body.length === 0) break;
      for (const entry of parseEntries(answer.body, plus)) {
        all.push(entry);
        place = entry.next;
      }
    }
    await this.release(node, handle, opcode.releasedir);
    return all;
  }
}

/** Entries of READDIR, or of READDIRPLUS. */
export function parseEntries(body: Buffer, plus: boolean) {
  const entries: { readonly name: Buffer; readonly node: number; readonly type: number; readonly next: bigint }[] = [];
  const start = plus ? 128 : 0;
  for (let at = 0; at < body.length; ) {
    const length = body.readUInt32LE(at + start + 16);
    entries.push({
      name: Buffer.from(body.subarray(at + start + 24, at + start + 24 + length)),
      node: plus ? Number(body.readBigUInt64LE(at)) : 0,
      type: body.readUInt32LE(at + start + 20),
      next: body.readBigUInt64LE(at + start + 8),
    });
    at += start + ((24 + length + 7) & ~7);
  }
  return entries;
}
