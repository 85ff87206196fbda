import fc from "fast-check";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { opcode } from "../../../../src/vmm/fuse/protocol.js";
import { codeOf } from "../../../../src/core/errors/error.js";
import { FuseClient, root, text, words } from "../../../support/vmm/fuse-client.js";

/** One change, of paths of one or two names. */
type Change =
  | { readonly kind: "mkdir" | "unlink" | "rmdir"; readonly path: readonly string[] }
  | { readonly kind: "symlink"; readonly path: readonly string[]; readonly target: string }
  | { readonly kind: "write"; readonly path: readonly string[]; readonly at: number; readonly data: string }
  | { readonly kind: "truncate" | "chmod"; readonly path: readonly string[]; readonly number: number }
  | { readonly kind: "rename" | "link"; readonly path: readonly string[]; readonly to: readonly string[] };

const name = fc.constantFrom("a", "b", "c", "d", "längere Namen");
const path = fc.array(name, { minLength: 1, maxLength: 3 });
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constantFrom("mkdir", "mkdir", "unlink", "rmdir"), path }),
  fc.record({ kind: fc.constant("symlink"), path, target: fc.constantFrom("a", "../..", "/etc", "b/c") }),
  fc.record({ kind: fc.constant("write"), path, at: fc.nat(100), data: fc.string({ maxLength: 50 }) }),
  fc.record({ kind: fc.constantFrom("truncate", "chmod"), path, number: fc.nat(0o777) }),
  fc.record({ kind: fc.constantFrom("rename", "link"), path, to: path }),
) as fc.Arbitrary<Change>;

/** Does a change as a program of the host would; its errno's name, or `ok`. Only the directories above a name are walked. */
function direct(base: string, change: Change): string {
  const at = (names: readonly string[]) => {
    let place = base;
    for (const one of names.slice(0, -1)) {
      place = join(place, one);
      const stat = fs.lstatSync(place);
      if (!stat.isDirectory()) throw Object.assign(new Error("no directory"), { code: "ENOTDIR" });
    }
    return `${place}/${names.at(-1)}`;
  };
  try {
    const target = at(change.path);
    switch (change.kind) {
      case "mkdir":
        fs.mkdirSync(target, 0o755);
        break;
      case "unlink":
        fs.unlinkSync(target);
        break;
      case "rmdir":
        fs.rmdirSync(target);
        break;
      case "symlink":
        fs.symlinkSync(change.target, target);
        break;
      case "write": {
        const fd = fs.openSync(target, fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_NOFOLLOW, 0o644);
        fs.writeSync(fd, Buffer.from(change.data), 0, null, change.at);
        fs.closeSync(fd);
        break;
      }
      case "truncate": {
        const stat = fs.lstatSync(target);
        if (!stat.isFile())
          throw Object.assign(new Error("no file"), { code: stat.isDirectory() ? "EISDIR" : "EINVAL" });
        fs.truncateSync(target, change.number);
        break;
      }
      case "chmod":
        if (fs.lstatSync(target).isSymbolicLink()) throw Object.assign(new Error("a link"), { code: "EOPNOTSUPP" });
        fs.chmodSync(target, change.number);
        break;
      case "rename":
        fs.lstatSync(target);
        fs.renameSync(target, at(change.to));
        break;
      case "link":
        fs.lstatSync(target);
        fs.linkSync(target, at(change.to));
        break;
    }
    return "ok";
  } catch (error) {
    return codeOf(error) ?? String(error);
  }
}

/** The same by the server. Nodes that were looked up are never forgotten: the server must be right with old ones too. */
async function served(client: FuseClient, change: Change): Promise<string> {
  const parentOf = async (names: readonly string[]): Promise<number | string> => {
    let node = root;
    for (const one of names.slice(0, -1)) {
      const entry = await client.lookup(node, one);
      if (entry.status !== "ok") return entry.status;
      if ((entry.attributes.mode & 0o170000) !== 0o040000) return "ENOTDIR";
      node = entry.node;
    }
    return node;
  };
  const last = text(change.path.at(-1) ?? "");
  const parent = await parentOf(change.path);
  if (typeof parent === "string") return parent;
  switch (change.kind) {
    case "mkdir":
      return (await client.mkdir(parent, last.subarray(0, -1), 0o755)).status;
    case "unlink":
      return (await client.call(opcode.unlink, parent, [last])).status;
    case "rmdir":
      return (await client.call(opcode.rmdir, parent, [last])).status;
    case "symlink":
      return (await client.symlink(parent, last.subarray(0, -1), change.target)).status;
    case "write": {
      const made = await client.create(parent, last.subarray(0, -1), 2, 0o644);
      if (made.status !== "ok") return made.status;
      const { status } = await client.write(made.node, made.handle, change.at, Buffer.from(change.data));
      await client.release(made.node, made.handle);
      return status;
    }
    case "truncate":
    case "chmod": {
      const entry = await client.lookup(parent, last.subarray(0, -1));
      if (entry.status !== "ok") return entry.status;
      const [valid, size, mode] = change.kind === "chmod" ? [1, 0n, change.number] : [8, BigInt(change.number), 0];
      const args = words(valid, 0, 0n, size, 0n, 0n, 0n, 0n, 0, 0, 0, mode, 0, 0, 0, 0);
      return (await client.call(opcode.setattr, entry.node, [args])).status;
    }
    case "rename":
    case "link": {
      const [source, to] = [await client.lookup(parent, last.subarray(0, -1)), await parentOf(change.to)];
      if (source.status !== "ok") return source.status;
      if (typeof to === "string") return to;
      const newName = text(change.to.at(-1) ?? "");
      if (change.kind === "link")
        return (await client.entry(opcode.link, to, [words(BigInt(source.node)), newName])).status;
      return (await client.call(opcode.rename, parent, [words(BigInt(to)), last, newName])).status;
    }
  }
}

/** All that is below a directory, as lines; files that are one are told by the first of their names. */
function shown(base: string): string[] {
  const first = new Map<number, string>();
  const lines: string[] = [];
  const walk = (below: string): void => {
    for (const one of fs.readdirSync(join(base, below)).toSorted()) {
      const path = join(below, one);
      const stat = fs.lstatSync(join(base, path));
      const known = first.get(stat.ino) ?? path;
      first.set(stat.ino, known);
      const content = stat.isFile()
        ? fs.readFileSync(join(base, path), "latin1")
        : stat.isSymbolicLink()
          ? fs.readlinkSync(join(base, path))
          : "";
      const links = stat.isDirectory() ? "" : stat.nlink;
      lines.push(`${path} ${stat.mode.toString(8)} ${links} ${known} ${JSON.stringify(content)}`);
      if (stat.isDirectory()) walk(path);
    }
  };
  walk("");
  return lines;
}

describe("changes by a shared directory", () => {
  it("give what the same changes give without it", async () => {
    const before = process.umask(0);
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(change, { maxLength: 40 }), async (changes) => {
          const base = fs.mkdtempSync(join(tmpdir(), "fuse-direct-"));
          const client = await FuseClient.open();
          try {
            for (const one of changes) {
              expect(await served(client, one), JSON.stringify(one)).to.equal(direct(base, one));
            }
            expect(shown(client.directory)).to.deep.equal(shown(base));
          } finally {
            client.close();
            fs.rmSync(base, { recursive: true });
          }
        }),
        { numRuns: 300 },
      );
    } finally {
      process.umask(before);
    }
  }).timeout(60_000);
});
