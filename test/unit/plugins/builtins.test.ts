import { expect } from "chai";
import { build } from "esbuild";
import { projectDirectory } from "../../support/project.js";

/** What a registration may be made of, besides the two files that all have: what their schemas check values by. */
const ofSchemas = [
  "hypervisors/qemu/machine-type.ts",
  "hypervisors/qemu/disk-threads.ts",
  "hypervisors/dragonball/disk-settings.ts",
  "storage/inline-virtio-fs/settings.ts",
  "storage/virtio-fs/settings.ts",
  "storage/virtio-fs/errors.ts",
  "storage/virtio-fs/extra-arguments.ts",
];

/** Sources that are loaded with one, before anything is asked of it. */
async function loadedWith(entry: string): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: projectDirectory(),
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    packages: "external",
    logLevel: "silent",
  });
  const loaded = new Set<string>();
  const load = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const { path: next, kind, external } of metafile.inputs[path]?.imports ?? []) {
      if (kind === "import-statement" && external !== true) load(next);
    }
  };
  load(entry);
  return [...loaded].sort();
}

describe("the built-in plugins", () => {
  it("are registrations: what does the work of one is loaded when it is made", async () => {
    const loaded = await loadedWith("src/plugins/builtins.ts");
    const parts = loaded.flatMap((path) =>
      path.startsWith("src/plugins/") ? [path.slice("src/plugins/".length)] : [],
    );
    expect(parts.filter((path) => path.endsWith("/index.ts"))).to.have.length.above(35);
    const more = parts.filter((path) => path !== "builtins.ts" && !/\/(index|config)\.ts$/.test(path));
    expect(more).to.have.members(ofSchemas);
    expect(loaded.filter((path) => /^src\/(vmm|core\/(proto|rpc|network|share-fs))\//.test(path))).to.deep.equal([]);
  });
});
