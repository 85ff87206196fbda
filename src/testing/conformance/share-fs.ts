import assert from "node:assert/strict";
import { symlink, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { ShareFs, ShareRequest } from "../../core/contracts/share-fs.js";
import { KataError } from "../../core/errors/error.js";
import type { Subject, Trial } from "./check.js";
import { failureOf, isSettled } from "./promises.js";
import { type MakeResource, resourceTrials } from "./resource-trials.js";
import type { Stage } from "./stage.js";
import { bundlePaths } from "./storage-place.js";

type ShareFsStage = Stage<Subject, ShareFs>;

const make: MakeResource<Subject, ShareFs> = async (stage) => {
  const { instance, scope } = await stage.make();
  return { resource: instance, scope };
};

/** One that is ready to share. */
async function prepared(stage: ShareFsStage): Promise<ShareFs> {
  const share = await stage.instance();
  await share.prepare(new AbortController().signal);
  return share;
}

const requestOf = (stage: ShareFsStage, more: Partial<ShareRequest> = {}): ShareRequest => ({
  name: "container/shared",
  source: bundlePaths(stage).shared,
  readOnly: false,
  ...more,
});

/** Names that would lead out of the share. */
const strangeNames = ["", "/", "..", "../outside", "a/../../outside", "/etc", "a//b", "a/./b", "a\0b", "a/"];

export const shareFsTrials: readonly Trial<Subject, ShareFs>[] = [
  ...resourceTrials(make, { ofSandbox: true }),
  {
    name: "says what the machine and the guest need for it",
    async run(stage) {
      const share = await stage.instance();
      const { devices, storages } = await share.prepare(new AbortController().signal);
      for (const { mountPoint } of storages) assert.match(mountPoint, /^\//, "its place in the guest");
      for (const { id } of devices) assert.notEqual(id, "", "a device without an id");
      assert.equal(await isSettled(share.failed), false, "it says that it has failed");
      await share.cleanup();
    },
  },
  {
    name: "shares a directory under a name, and gives it back, more than once too",
    async run(stage) {
      const share = await prepared(stage);
      const once = await share.share(requestOf(stage));
      assert.match(once.guestPath, /^\/.*container\/shared$/, "its path in the guest");
      await once.release();
      await once.release();
      const again = await share.share(requestOf(stage, { readOnly: true }));
      await again.release();
      await share.cleanup();
      assert.deepEqual(await stage.left(), []);
    },
  },
  {
    name: "gives back what is shared still when it ends",
    async run(stage) {
      const share = await prepared(stage);
      await share.share(requestOf(stage));
      await share.share(requestOf(stage, { name: "container/file", source: join(requestOf(stage).source, "file") }));
      await share.cleanup();
      assert.deepEqual(await stage.left(), []);
    },
  },
  {
    name: "refuses names that lead out of it with an error that has a code",
    async run(stage) {
      const share = await prepared(stage);
      for (const name of strangeNames) {
        const failure = await failureOf(share.share(requestOf(stage, { name })));
        assert.ok(failure instanceof KataError, `for the name ${JSON.stringify(name)} there is ${String(failure)}`);
      }
      await share.cleanup();
    },
  },
  {
    name: "refuses what is not there, with the path in its error",
    async run(stage) {
      const share = await prepared(stage);
      const source = join(stage.directory, "not-there");
      assert.match(String(await failureOf(share.share(requestOf(stage, { source })))), /not-there/);
      await share.cleanup();
      assert.deepEqual(await stage.left(), []);
    },
  },
  {
    name: "does not follow a link in the place of what is shared",
    async run(stage) {
      const share = await prepared(stage);
      const source = join(stage.directory, "bundle", "link");
      await symlink("/etc", source);
      const failure = await failureOf(share.share(requestOf(stage, { source })));
      await unlink(source);
      assert.ok(failure instanceof Error, "it does");
      await share.cleanup();
    },
  },
];
