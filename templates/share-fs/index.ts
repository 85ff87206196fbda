/** Files that the hypervisor itself shares over virtio-fs (`inline-fs`): `[hypervisor.*] shared_fs = "example"`. */
import { closeSync, fstatSync, mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Plugin, PluginContext, Share, ShareFs, ShareRequest, StandardSchema } from "kata-ts/plugin";

const config: StandardSchema<undefined> = {
  "~standard": { version: 1, vendor: "kata-ts-share-fs-example", validate: () => ({ value: undefined }) },
};

/** What names a file without opening it, and a link itself (open(2)); Node has no name for the first. */
const pathOnly = 0o10000000;
const noFollow = 0o400000;

const failure = (code: string, status: string, message: string, cause?: unknown) =>
  Object.assign(new Error(message, { cause }), { code: `EXAMPLE_${code}`, status });

function createShareFs({ sandbox, sys, roots }: PluginContext): ShareFs {
  if (sandbox === undefined) throw failure("SANDBOX", "FAILED_PRECONDITION", "a share is made for a sandbox");
  const { record } = sandbox;
  const directory = join(roots.shared, `${sandbox.namespace}@${sandbox.id}`);
  // What is shared is mounted in `files`. The guest sees `view`, to which these mounts spread, and cannot write to the
  // directories on the way: they are mounted read-only there.
  const [files, view] = [join(directory, "files"), join(directory, "view")];
  const tag = "kataShared";
  const mountPoint = "/run/kata-containers/shared/containers";

  const open = (source: string): number => {
    try {
      return sys.files.openat2("/", source, { flags: pathOnly | noFollow, resolve: { noMagicLinks: true } });
    } catch (cause) {
      throw failure("SOURCE", "NOT_FOUND", `${source} cannot be shared: ${String(cause)}`, cause);
    }
  };
  const hide = async (name: string): Promise<void> => {
    await sys.mounts.unmountBeneath(files, name, { detach: true });
    await sys.files.removeTreeBeneath(files, name);
  };

  return {
    name: "share-fs",
    // It is served by the machine, whose end the hypervisor tells.
    failed: new Promise(() => undefined),
    async prepare(signal) {
      signal.throwIfAborted();
      record.tree(directory);
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      for (const path of [files, view]) mkdirSync(path, { mode: 0o755 });
      // Towards the rest of the host it is private.
      await sys.mounts.bind(directory, directory);
      await sys.mounts.setPropagation(directory, "private");
      await sys.mounts.bind(files, files);
      await sys.mounts.setPropagation(files, "shared");
      await sys.mounts.bind(files, view, { readOnly: true, propagation: "slave" });
      return {
        devices: [{ kind: "inline-fs", id: "share", tag, path: view, readOnly: false, cache: "auto", queueSize: 1024 }],
        storages: [{ driver: "virtio-fs", source: tag, fstype: "virtiofs", options: ["nodev"], mountPoint }],
      };
    },
    async share({ name, source, readOnly, recursive = true }: ShareRequest): Promise<Share> {
      if (name.includes("\0") || name.split("/").some((part) => ["", ".", ".."].includes(part))) {
        throw failure("NAME", "INVALID_ARGUMENT", `${JSON.stringify(name)} is no name for what is shared`);
      }
      const fds: number[] = [];
      try {
        const from = open(source);
        fds.push(from);
        const stats = fstatSync(from);
        if (!stats.isDirectory() && !stats.isFile()) {
          throw failure("SOURCE", "INVALID_ARGUMENT", `${source} is neither a directory nor a file`);
        }
        const place = stats.isDirectory() ? "mkdirBeneath" : "touchBeneath";
        const to = sys.files[place](files, name);
        fds.push(to);
        // A slave of its source: what is unmounted here stays mounted there.
        await sys.mounts.bind(from, to, { readOnly, recursive, propagation: "slave" });
      } finally {
        // A place that was made in vain goes with the tree.
        for (const fd of fds) closeSync(fd);
      }
      return { guestPath: `${mountPoint}/${name}`, release: () => hide(name) };
    },
    async cleanup() {
      await sys.mounts.unmountTree(directory, { detach: true });
      await sys.files.removeTreeBeneath(dirname(directory), basename(directory));
      record.forget(directory);
    },
  };
}

export const plugin: Plugin<"share-fs", typeof config> = {
  api: 1,
  kind: "share-fs",
  name: "example",
  config,
  create: createShareFs,
};
