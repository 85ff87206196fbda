import type { Inodes } from "../../core/sys/inodes.js";
import type { FileStat, Validity } from "./attributes.js";
import type { FuseRequest } from "./fuse-request.js";
import { nameProblem } from "./fuse-request.js";
import type { HandleTable } from "./handle-table.js";
import type { FuseNode, NodeTable } from "./node-table.js";
import { refused } from "./refusals.js";

/** What the guest may cache of files, and for how long it trusts names and attributes: 0 s, 1 s, a day. */
export type CacheMode = "never" | "auto" | "always";

/** What operations work on. */
export interface ServedShare {
  readonly inodes: Inodes;
  readonly nodes: NodeTable;
  readonly handles: HandleTable;
  readonly cache: CacheMode;
  readonly validity: Validity;
  readonly readOnly: boolean;
  /** Whether the guest makes mounts of its own of the mounts in the share; agreed on by INIT. */
  submounts: boolean;
  /** Who this process is to the file system: what it makes is theirs at first. */
  readonly uid: number;
  readonly gid: number;
  /** Where the answer goes, after its header; used again for each. */
  readonly body: Uint8Array;
  readonly view: DataView;
  /** What was last said of a file. */
  readonly stat: FileStat;
}

/** Room for an answer's body in the guest's memory. */
export interface Room {
  readonly views: readonly Uint8Array[];
  readonly bytes: number;
}

/** The answer is in the guest's memory already. */
export interface Placed {
  readonly placed: number;
}

/** What comes of a request beside the event loop: a negated errno, or a body. */
export type Later = number | Uint8Array | Placed;

/** What comes of a request: a negated errno, how many bytes of `body` are the answer, or something to wait for. */
export type Outcome = number | Placed | Promise<Later>;

/** One kind of request. */
export interface Operation {
  /** The fewest bytes of its arguments: these may be read. */
  readonly takes: number;
  /** The most bytes of an answer whose length is fixed: there is room for them. */
  readonly gives: number;
  /** It changes something: refused where the share is read-only. */
  readonly changes?: true;
  serve(share: ServedShare, request: FuseRequest, room: Room): Outcome;
}

/** The node that a request is about. */
export function nodeOf({ nodes }: ServedShare, { node }: FuseRequest): FuseNode | undefined {
  return nodes.get(node);
}

/** A name in a directory, the zero byte included, or the errno of what is none. */
export function nameAt(request: FuseRequest, at: number): Uint8Array | number {
  const name = request.text(at);
  if (name === undefined) return refused.invalid;
  const problem = nameProblem(name);
  if (problem === undefined) return name;
  return problem === "invalid" ? refused.invalid : refused.nameTooLong;
}

/** What is done about a name in a directory. */
type NameService = (share: ServedShare, request: FuseRequest, parent: FuseNode, name: Uint8Array) => Outcome;

/** A request about one name, which stands behind its arguments, in the directory that the request is about. */
export function aboutName(operation: Omit<Operation, "serve">, serve: NameService): Operation {
  return {
    ...operation,
    serve(share, request) {
      const parent = nodeOf(share, request);
      if (parent === undefined) return refused.badHandle;
      const name = nameAt(request, operation.takes);
      return typeof name === "number" ? name : serve(share, request, parent, name);
    },
  };
}
