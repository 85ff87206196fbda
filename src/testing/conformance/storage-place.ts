import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FakeDisks } from "../fake-disks.js";
import { FakeShareFs } from "../fake-share-fs.js";
import type { Place, Subject } from "./check.js";
import type { Stage } from "./stage.js";

/** Where a trial has the bundle of its container, with a root file system and a directory to be shared. */
export const bundlePaths = ({ directory }: Pick<Place, "directory">) => {
  const bundle = join(directory, "bundle");
  return { bundle, rootPath: join(bundle, "rootfs"), shared: join(bundle, "shared") };
};

/** Makes it. */
export async function arrangeBundle(place: Place): Promise<void> {
  const { rootPath, shared } = bundlePaths(place);
  await mkdir(join(rootPath, "etc"), { recursive: true });
  await writeFile(join(rootPath, "etc", "hostname"), "container\n");
  await mkdir(shared);
  await writeFile(join(shared, "file"), "shared\n");
}

/** What a container's storage is made with. */
export interface StorageParts {
  readonly shareFs: FakeShareFs;
  readonly disks: FakeDisks;
  /** Looks at them no more; gives what another process finds. */
  readonly abandon: () => unknown;
}

/** Makes them for one process; `found` is what another one has left. */
export async function storageParts(stage: Stage<Subject, unknown>, found?: unknown): Promise<StorageParts> {
  const [shareFs, disks] = [new FakeShareFs(), new FakeDisks()];
  if (found === undefined) await shareFs.prepare();
  else await shareFs.adopt(found);
  const forget = stage.also(() => [
    ...[...shareFs.held.keys()].map((name) => `the share "${name}"`),
    ...disks.held.map(({ path }) => `the disk ${path}`),
  ]);
  return {
    shareFs,
    disks,
    abandon: () => {
      forget();
      return shareFs.state();
    },
  };
}
