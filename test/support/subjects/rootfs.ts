import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { plugin as rootfsBlock } from "../../../src/plugins/storage/rootfs-block/index.js";
import { plugin as rootfsErofs } from "../../../src/plugins/storage/rootfs-erofs/index.js";
import { plugin as rootfsNydus } from "../../../src/plugins/storage/rootfs-nydus/index.js";
import { plugin as rootfsShared } from "../../../src/plugins/storage/rootfs-shared/index.js";
import type { Place } from "../../../src/testing/index.js";
import type { Held } from "./held.js";

const mounts = ({ directory }: Place) => [
  { type: "bind", source: join(directory, "bundle"), target: "", options: ["rbind"] },
];

/** The image of nydus, which somebody else's nydusd serves; one of its own is tried in test/integration/storage. */
const served = ({ directory }: Place) => join(directory, "bundle/image");
const nydus = (place: Place) => {
  const [upper, work] = ["upper", "work"].map((name) => join(place.directory, "bundle", name));
  const options = [`lowerdir=${served(place)}`, `upperdir=${upper}`, `workdir=${work}`];
  return { type: "fuse.nydus-overlayfs", source: "overlay", target: "", options };
};

/** A file of a trial with what a file system's first blocks are, and the mount by which a snapshotter names it. */
const image = ({ directory }: Pick<Place, "directory">, type: string) => ({
  type,
  source: join(directory, `${type}.img`),
  target: "",
  options: type === "erofs" ? ["ro", "loop"] : ["rw"],
});

const write = (type: string, at: number, magic: number) => (place: Place) => {
  const bytes = Buffer.alloc(8192);
  bytes.writeUInt32LE(magic, at);
  writeFileSync(image(place, type).source, bytes);
};

/** All built-in root file systems. */
export const rootFileSystems: readonly Held<"rootfs">[] = [
  { plugin: rootfsShared, subject: { takes: (place) => [{ mounts: mounts(place) }, {}] } },
  {
    plugin: rootfsNydus,
    subject: {
      plugins: [rootfsShared],
      arrange: async (place) => {
        for (const name of ["image", "upper", "work"]) mkdirSync(join(place.directory, "bundle", name));
        await place.sys.mounts.mount({ source: "rafs", target: served(place), type: "fuse.rafs" });
      },
      takes: (place) => [{ mounts: [nydus(place)] }],
      leaves: (place) => [{}, { mounts: mounts(place) }, { mounts: [nydus(place), nydus(place)] }],
    },
  },
  {
    plugin: rootfsBlock,
    subject: {
      arrange: write("ext4", 1080, 0xef53),
      takes: (place) => [{ mounts: [image(place, "ext4")] }],
      leaves: (place) => [{}, { mounts: [image(place, "erofs")] }],
    },
  },
  {
    plugin: rootfsErofs,
    subject: {
      arrange: write("erofs", 1024, 0xe0f5e1e2),
      takes: (place) => [{ mounts: [image(place, "erofs")], readOnly: true }],
      leaves: (place) => [{}, { mounts: [image(place, "ext4")] }],
    },
  },
];
