import type { Share, ShareFs, ShareFsContribution, ShareRequest } from "../core/contracts/share-fs.js";

/** A share without a daemon: it notes what is shared and whether it was given back. */
export class FakeShareFs implements ShareFs {
  readonly name = "share-fs";
  readonly failed: Promise<Error>;
  /** Shares that are held now, by name. */
  readonly held = new Map<string, ShareRequest>();
  prepared = false;
  #fail: (error: Error) => void = () => undefined;

  constructor() {
    this.failed = new Promise((resolve) => (this.#fail = resolve));
  }

  /** The daemon dies. */
  fail(error: Error): void {
    this.#fail(error);
  }

  async prepare(): Promise<ShareFsContribution> {
    this.prepared = true;
    const storage = {
      driver: "virtio-fs",
      source: "kataShared",
      fstype: "virtiofs",
      options: [],
      mountPoint: "/share",
    };
    return {
      devices: [{ kind: "fs", id: "share", tag: "kataShared", socket: "/nowhere", queueSize: 1024, cacheSizeMiB: 0 }],
      storages: [storage],
    };
  }

  async share(request: ShareRequest): Promise<Share> {
    this.held.set(request.name, request);
    return { guestPath: `/share/${request.name}`, release: async () => void this.held.delete(request.name) };
  }

  /** What is shared, by name, as it was asked for. */
  state(): unknown {
    return [...this.held];
  }

  async adopt(state: unknown): Promise<void> {
    for (const [name, request] of state as [string, ShareRequest][]) this.held.set(name, request);
    this.prepared = true;
  }

  shared(name: string): Share | undefined {
    if (!this.held.has(name)) return undefined;
    return { guestPath: `/share/${name}`, release: async () => void this.held.delete(name) };
  }

  async cleanup(): Promise<void> {
    this.prepared = false;
  }
}
