import type { Inodes } from "../../core/sys/inodes.js";
import { dropFirst, fillWith } from "../virtio/chain-bytes.js";
import { lengthOf, scatter } from "../virtio/pieces.js";
import { fileType, FileStat } from "./attributes.js";
import { fuseErrors } from "./errors.js";
import { FuseRequest } from "./fuse-request.js";
import { HandleTable } from "./handle-table.js";
import { NodeTable } from "./node-table.js";
import type { CacheMode, Later, Operation, Outcome, Room, ServedShare } from "./operation.js";
import { operations } from "./operations.js";
import { opcode, size } from "./protocol.js";
import { refused } from "./refusals.js";
import { beginsSession, init } from "./session-operations.js";

/** Seconds for which the guest trusts names and attributes, as in Kata. */
const validity: Readonly<Record<CacheMode, number>> = { never: 0, auto: 1, always: 86_400 };

/** Bytes of the longest answer besides what a READ reads. */
const bodySize = 64 * 1024 + 4096;

/** Requests that have no answer. */
const silent: readonly number[] = [opcode.forget, opcode.batchForget, opcode.interrupt];

/** What a directory is served with. */
export interface FuseServerOptions {
  readonly inodes: Inodes;
  /** `O_PATH` descriptor of the directory; taken. */
  readonly root: number;
  /** Where it is, for errors. */
  readonly path: string;
  /** Whatever the guest mounts. */
  readonly readOnly: boolean;
  readonly cache: CacheMode;
  /** The most files that the guest may know of, and that it may have open, at once: each is a descriptor of this process. */
  readonly nodes: number;
  readonly handles: number;
}

/**
 * Serves one directory of the host to a guest that speaks FUSE (include/uapi/linux/fuse.h). Everything it is told is hostile:
 * names are single ones, opened below the directory they are in without following any link, and files are reached by
 * descriptors, so that nothing outside of the directory is, whatever is renamed meanwhile. Mounts below it are crossed.
 */
export class FuseServer {
  readonly #share: ServedShare;
  readonly #request = new FuseRequest();
  readonly #header = new Uint8Array(size.outHeader);
  readonly #headerView = new DataView(this.#header.buffer);
  #started = false;
  #closed = false;

  /** `KATA_VMM_FUSE_ROOT` for what cannot be served; the descriptor is the caller's then. */
  constructor({ inodes, root, path, readOnly, cache, nodes, handles }: FuseServerOptions) {
    const stat = new FileStat();
    const problem = rootProblem(inodes, root, stat);
    if (problem !== undefined) throw fuseErrors.KATA_VMM_FUSE_ROOT({ path, problem });
    const body = new Uint8Array(bodySize);
    this.#share = {
      inodes,
      nodes: new NodeTable(inodes, root, stat, nodes),
      handles: new HandleTable(inodes, handles),
      cache,
      validity: validity[cache],
      readOnly,
      submounts: false,
      uid: process.geteuid?.() ?? 0,
      gid: process.getegid?.() ?? 0,
      body,
      view: new DataView(body.buffer),
      stat,
    };
  }

  /** How many files the guest knows of besides the root, and has open. */
  get counts(): { readonly nodes: number; readonly handles: number } {
    return { nodes: this.#share.nodes.size, handles: this.#share.handles.size };
  }

  /**
   * Serves a request, and gives how many bytes of `writable` are its answer: at once, or when what it waits for is done.
   * What is so broken that it cannot even be answered is `KATA_VMM_FUSE_REQUEST`.
   */
  serve(readable: readonly Uint8Array[], writable: readonly Uint8Array[]): number | Promise<number> {
    const request = this.#request;
    if (!request.take(readable)) {
      throw fuseErrors.KATA_VMM_FUSE_REQUEST({ problem: `it has fewer than the ${size.inHeader} bytes of its header` });
    }
    const bytes = lengthOf(writable) - size.outHeader;
    const noAnswer = silent.includes(request.opcode);
    if (bytes < 0 && !noAnswer) {
      const problem = `its operation ${request.opcode} is answered, and there is no room for that`;
      throw fuseErrors.KATA_VMM_FUSE_REQUEST({ problem });
    }
    const room: Room = {
      bytes: Math.max(0, bytes),
      get views() {
        return dropFirst(writable, size.outHeader);
      },
    };
    const outcome = this.#carryOut(request, room);
    if (noAnswer) return 0;
    const unique = request.unique;
    if (!(outcome instanceof Promise)) return this.#answer(writable, unique, outcome);
    const kept = unique.slice();
    return outcome.then((later) => this.#answer(writable, kept, later));
  }

  /** Forgets the guest. What is under way is to have ended. */
  reset(): void {
    this.#forget();
  }

  /** Gives up the directory too. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#forget();
    this.#share.inodes.close(this.#share.nodes.root.fd);
  }

  #forget(): void {
    this.#started = false;
    this.#share.submounts = false;
    this.#share.handles.clear();
    this.#share.nodes.clear();
  }

  #carryOut(request: FuseRequest, room: Room): Outcome {
    if (!request.wellFormed) return refused.invalid;
    switch (request.opcode) {
      case opcode.init:
        return this.#init(request, room);
      case opcode.interrupt:
        return 0;
      case opcode.destroy:
        this.#forget();
        return 0;
      default: {
        const operation = operations.get(request.opcode);
        if (operation === undefined) return refused.unknown;
        return this.#started ? this.#run(operation, request, room) : refused.io;
      }
    }
  }

  #init(request: FuseRequest, room: Room): Outcome {
    const outcome = this.#run(init, request, room);
    if (typeof outcome !== "number" || outcome < 0 || !beginsSession(request)) return outcome;
    // A guest that begins anew without a word knows of nothing any more.
    const { submounts } = this.#share;
    this.#forget();
    this.#share.submounts = submounts;
    this.#started = true;
    return outcome;
  }

  #run(operation: Operation, request: FuseRequest, room: Room): Outcome {
    if (request.argumentBytes < operation.takes || room.bytes < operation.gives) return refused.invalid;
    if (operation.changes === true && this.#share.readOnly) return refused.readOnly;
    return operation.serve(this.#share, request, room);
  }

  #answer(writable: readonly Uint8Array[], unique: Uint8Array, later: Later): number {
    const error = typeof later === "number" && later < 0 ? later : 0;
    const body = later instanceof Uint8Array ? later : this.#share.body.subarray(0, bodyLength(later));
    const length = size.outHeader + (typeof later === "object" && "placed" in later ? later.placed : body.length);
    this.#headerView.setUint32(0, length, true);
    this.#headerView.setInt32(4, error, true);
    this.#header.set(unique, 8);
    fillWith(writable, this.#header);
    if (body.length > 0) scatter(writable, size.outHeader, body);
    return length;
  }
}

function bodyLength(later: Later): number {
  return typeof later === "number" && later > 0 ? later : 0;
}

/** What keeps a descriptor from being the root of a share. */
function rootProblem(inodes: Inodes, root: number, stat: FileStat): string | undefined {
  const result = inodes.stat(root, stat.bytes);
  if (result < 0) return `the kernel does not tell about it (errno ${-result})`;
  if (stat.type !== fileType.directory) return "it is no directory";
  // A file reached by a mount for reading and by one for writing must not be taken for one.
  if (stat.mount === undefined) return "this kernel does not tell which mount a file is on; Linux 5.8 does";
  return undefined;
}
