import type { Inodes } from "../../core/sys/inodes.js";
import type { FileStat } from "./attributes.js";
import { refused } from "./refusals.js";
import { rootNode } from "./protocol.js";

/** A file of the share that the guest knows of, held by an `O_PATH` descriptor: no rename leads elsewhere. */
export interface FuseNode {
  readonly id: number;
  readonly fd: number;
  /** Of `fileType`. */
  readonly type: number;
  readonly mount: number;
  /** How its data was when the guest last opened it; see `cachedContentHolds`. */
  content: string | undefined;
}

interface Held extends FuseNode {
  /** How often the guest was told of it, less how often it has forgotten. */
  lookups: number;
  readonly siblings: Map<number | bigint, Held>;
  readonly inode: number | bigint;
}

/**
 * The files that the guest knows of, by the numbers it was given for them. Hard links are one node; the same file reached
 * by two mounts is two, since one of them may be read-only.
 */
export class NodeTable {
  readonly #inodes: Inodes;
  readonly #limit: number;
  readonly #nodes = new Map<number, Held>();
  /** By mount and device, then by inode. */
  readonly #places = new Map<string, Map<number | bigint, Held>>();
  #nextId = rootNode + 1;
  readonly root: FuseNode;

  /** Takes the descriptor of the root. `limit` is how many nodes there may be besides it. */
  constructor(inodes: Inodes, fd: number, stat: FileStat, limit: number) {
    this.#inodes = inodes;
    this.#limit = limit;
    this.root = this.#add(rootNode, fd, stat);
  }

  /** How many there are besides the root. */
  get size(): number {
    return this.#nodes.size - 1;
  }

  /** Whether there can be no more. */
  get full(): boolean {
    return this.size >= this.#limit;
  }

  get(id: number): FuseNode | undefined {
    return this.#nodes.get(id);
  }

  /** The node of a file that is one already, with one lookup more. A node's inode is held, so no other has its number. */
  known(stat: FileStat): FuseNode | undefined {
    const node = this.#siblings(stat).get(stat.inode);
    if (node !== undefined) node.lookups++;
    return node;
  }

  /** The node of a file, with one lookup more; takes the descriptor. The errno of too many is what else there is. */
  adopt(fd: number, stat: FileStat): FuseNode | number {
    const known = this.known(stat);
    if (known !== undefined) {
      this.#inodes.close(fd);
      return known;
    }
    if (this.full) {
      this.#inodes.close(fd);
      return refused.tooMany;
    }
    return this.#add(this.#nextId++, fd, stat);
  }

  /** The guest has forgotten a node as often as that; more often than it was told is as often as it was told. */
  forget(id: number, count: number): void {
    const node = this.#nodes.get(id);
    if (node === undefined || id === rootNode) return;
    node.lookups -= count;
    if (node.lookups > 0) return;
    this.#nodes.delete(id);
    node.siblings.delete(node.inode);
    this.#inodes.close(node.fd);
  }

  /** Forgets all but the root. */
  clear(): void {
    for (const node of this.#nodes.values()) if (node.id !== rootNode) this.forget(node.id, node.lookups);
    for (const [place, siblings] of this.#places) if (siblings.size === 0) this.#places.delete(place);
  }

  #add(id: number, fd: number, stat: FileStat): Held {
    const siblings = this.#siblings(stat);
    const inode = stat.inode;
    const node = { id, fd, type: stat.type, mount: stat.mount ?? 0, content: undefined, lookups: 1, siblings, inode };
    this.#nodes.set(id, node);
    siblings.set(inode, node);
    return node;
  }

  #siblings(stat: FileStat): Map<number | bigint, Held> {
    const place = `${stat.mount} ${stat.deviceMajor}:${stat.deviceMinor}`;
    let siblings = this.#places.get(place);
    if (siblings === undefined) {
      siblings = new Map();
      this.#places.set(place, siblings);
    }
    return siblings;
  }
}
