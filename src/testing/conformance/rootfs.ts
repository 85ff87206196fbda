import assert from "node:assert/strict";
import type { RootfsContribution, RootfsDriver, RootfsRequest } from "../../core/contracts/rootfs.js";
import { FakeDisks } from "../fake-disks.js";
import { FakeShareFs } from "../fake-share-fs.js";
import type { Place, Subject, Trial } from "./check.js";
import { matchTrials, type Offers } from "./match-trials.js";
import { type MakeResource, resourceTrials, undo } from "./resource-trials.js";
import { bundlePaths, storageParts } from "./storage-place.js";

/** What of a root file system's request a trial is about. */
export type RootfsOffer = Partial<Omit<RootfsRequest, "shareFs" | "disks">>;

/** What is told of a root file system that is tried. */
export interface RootfsSubject extends Subject {
  /** What it takes, at least one. Made for a place, whose bundle (`bundlePaths`) is there; other things are for `arrange`. */
  readonly takes: (place: Place) => readonly RootfsOffer[];
  /** What it leaves to others. */
  readonly leaves?: (place: Place) => readonly RootfsOffer[];
}

function requestOf(place: Place, offer: RootfsOffer = {}): RootfsRequest {
  const { bundle, rootPath } = bundlePaths(place);
  const parts = { shareFs: new FakeShareFs(), disks: new FakeDisks() };
  return { containerId: "container", bundle, rootPath, readOnly: false, mounts: [], ...parts, ...offer };
}

const make: MakeResource<RootfsSubject, RootfsDriver> = async (stage, found) => {
  const { instance, scope } = await stage.make();
  const { shareFs, disks, abandon } = await storageParts(stage, found);
  const [offer] = stage.subject.takes(stage);
  return { resource: instance.create({ ...requestOf(stage, offer), shareFs, disks }), scope, abandon };
};

export const rootfsOffers: Offers<RootfsSubject, RootfsDriver, RootfsRequest> = (stage) =>
  stage.subject.takes(stage).map((offer) => requestOf(stage, offer));

export const rootfsTrials: readonly Trial<RootfsSubject, RootfsDriver>[] = [
  ...matchTrials<RootfsSubject, RootfsRequest, RootfsDriver>(rootfsOffers, (stage) =>
    (stage.subject.leaves?.(stage) ?? []).map((offer) => requestOf(stage, offer)),
  ),
  ...resourceTrials(make),
  {
    name: "says where the guest finds the root file system",
    async run(stage) {
      const { resource } = await make(stage);
      const { guestPath } = (await resource.prepare(new AbortController().signal)) as RootfsContribution;
      assert.match(guestPath, /^\//, "its path in the guest");
      await undo(resource);
    },
  },
];
