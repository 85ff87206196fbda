import assert from "node:assert/strict";
import type { ContainerContribution } from "../../core/contracts/guest.js";
import type { VolumeDriver, VolumeRequest } from "../../core/contracts/volume.js";
import { FakeAgent } from "../fake-agent.js";
import { FakeDisks } from "../fake-disks.js";
import { FakeShareFs } from "../fake-share-fs.js";
import type { Place, Subject, Trial } from "./check.js";
import { matchTrials, type Offers } from "./match-trials.js";
import { type MakeResource, resourceTrials, undo } from "./resource-trials.js";
import type { Stage } from "./stage.js";
import { type StorageParts, storageParts } from "./storage-place.js";

/** What of a volume's request a trial is about. */
export type VolumeOffer = Pick<VolumeRequest, "mount"> &
  Partial<Pick<VolumeRequest, "hugePageLimits" | "annotations">> & {
    /** Without a share of the sandbox: `shared_fs = "none"`. */
    readonly withoutShare?: boolean;
  };

/** What is told of a volume that is tried. */
export interface VolumeSubject extends Subject {
  /** What it takes, at least one. Made for a place, whose bundle (`bundlePaths`) is there; other things are for `arrange`. */
  readonly takes: (place: Place) => readonly VolumeOffer[];
  /** What it leaves to others. A mount of a type that nobody knows is not among them: one may take all. */
  readonly leaves?: (place: Place) => readonly VolumeOffer[];
  /** Whether what a container brings stays, for the next one, until the sandbox ends. */
  readonly ofPod?: boolean;
}

/** An agent that takes files, for volumes that are copied. */
function agentWithFiles(): FakeAgent {
  const agent = new FakeAgent();
  agent.capabilities["copy-file"] = { copyFile: async () => undefined };
  return agent;
}

const requestOf = ({ withoutShare = false, ...offer }: VolumeOffer): VolumeRequest => ({
  containerId: "container",
  sandboxId: "sandbox",
  index: 0,
  shareFs: withoutShare ? undefined : new FakeShareFs(),
  disks: new FakeDisks(),
  agent: agentWithFiles(),
  hugePageLimits: [],
  annotations: {},
  ...offer,
});

/** What the containers of a pod have together, by the stage that it is on. */
const podParts = new WeakMap<object, StorageParts>();

async function partsOf(stage: Stage<VolumeSubject, VolumeDriver>, found: unknown): Promise<StorageParts> {
  const parts = podParts.get(stage) ?? (await storageParts(stage, found));
  if (stage.subject.ofPod === true) podParts.set(stage, parts);
  return parts;
}

const make: MakeResource<VolumeSubject, VolumeDriver> = async (stage, found) => {
  const { instance, scope } = await stage.make();
  const { shareFs, disks, abandon } = await partsOf(stage, found);
  const [offer] = stage.subject.takes(stage);
  if (offer === undefined) assert.fail("nothing is given that it takes");
  const share = offer.withoutShare === true ? undefined : shareFs;
  const resource = instance.create({ ...requestOf(offer), shareFs: share, disks });
  if (stage.subject.ofPod !== true) return { resource, scope, abandon };
  // The machine goes with its disks.
  scope.defer("the machine", async () => {
    podParts.delete(stage);
    abandon();
  });
  return { resource, scope, abandon, endSandbox: () => scope.close() };
};

export const volumeOffers: Offers<VolumeSubject, VolumeDriver, VolumeRequest> = (stage) =>
  stage.subject.takes(stage).map(requestOf);

export const volumeTrials: readonly Trial<VolumeSubject, VolumeDriver>[] = [
  ...matchTrials<VolumeSubject, VolumeRequest, VolumeDriver>(volumeOffers, (stage) =>
    (stage.subject.leaves?.(stage) ?? []).map(requestOf),
  ),
  ...resourceTrials(make),
  {
    name: "replaces the mount by ones of the same place, or by none",
    async run(stage) {
      const { resource } = await make(stage);
      const { mounts = [] } = (await resource.prepare(new AbortController().signal)) as ContainerContribution;
      const [offer] = stage.subject.takes(stage);
      for (const { destination } of mounts) {
        const { destination: wanted = "" } = offer?.mount ?? {};
        assert.ok(destination === wanted || destination.startsWith(`${wanted}/`), `it mounts at ${destination}`);
      }
      await undo(resource);
    },
  },
];
