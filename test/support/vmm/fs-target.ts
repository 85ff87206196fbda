import { mkdirSync, mkdtempSync, openSync, readFileSync, readvSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Inodes } from "../../../src/core/sys/inodes.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { OpenFlag } from "../../../src/core/sys/open-flags.js";
import { FuseServer } from "../../../src/vmm/fuse/fuse-server.js";
import { opcode } from "../../../src/vmm/fuse/protocol.js";
import { words } from "./fuse-client.js";

/** A server for whose every guest INIT has been done. */
class StartedServer extends FuseServer {
  override reset(): void {
    super.reset();
    const hello = Buffer.concat([words(56, opcode.init, 1n, 0n, 0, 0, 0, 0), words(7, 38, 0, 0xffffffff)]);
    void this.serve([hello], [Buffer.alloc(100)]);
  }
}

/** The kernel's, but that nothing waits: what does is done at once, or not at all where that could be long. */
function promptInodes(inodes: Inodes, count: () => void): Inodes {
  const prompt: Partial<Inodes> = {
    readAt: async (fd, pieces, position) => {
      try {
        return readvSync(fd, [...pieces], position);
      } catch {
        return -5;
      }
    },
    writeAt: async (fd, pieces, position, options) => inodes.writeAtOnce(fd, pieces, position, options),
    sync: async () => 0,
    syncFilesystem: async () => 0,
    allocate: async () => -95,
    copyRange: async () => -95,
  };
  return new Proxy(inodes, {
    get(target, name) {
      const method: unknown = Reflect.get(prompt, name) ?? Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return (...args: unknown[]): unknown => {
        count();
        return Reflect.apply(method, target, args) as unknown;
      };
    },
  });
}

/** A directory that is served, with something beside it that must stay as it is; removed when the process ends. */
export function servedDirectory(count: () => void) {
  const outer = mkdtempSync(join(tmpdir(), "fuse-hostile-"));
  process.once("exit", () => rmSync(outer, { recursive: true, force: true }));
  const share = join(outer, "share");
  mkdirSync(share);
  writeFileSync(join(outer, "outside"), "as it was");
  const { inodes } = createLinuxSys();
  const server = new StartedServer({
    inodes: promptInodes(inodes, count),
    root: openSync(share, OpenFlag.pathOnly | OpenFlag.directory),
    path: share,
    readOnly: false,
    cache: "auto",
    nodes: 20,
    handles: 10,
  });
  server.reset();
  return {
    server,
    share,
    unharmed: (): boolean => readFileSync(join(outer, "outside"), "utf8") === "as it was",
  };
}
