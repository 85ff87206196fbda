import assert from "node:assert/strict";
import type { Service } from "../../core/contracts/service.js";
import type { Subject, Trial } from "./check.js";
import { isSettled } from "./promises.js";

export const serviceTrials: readonly Trial<Subject, Service>[] = [
  {
    name: "answers until it is closed, and leaves nothing",
    async run(stage) {
      const service = await stage.instance();
      await service.start();
      assert.equal(await isSettled(service.finished), false, "it says that a peer has asked it to end");
      await service.close();
      assert.deepEqual(await stage.left(), []);
    },
  },
  {
    name: "may be closed though it never started, and more than once",
    async run(stage) {
      const service = await stage.instance();
      await service.close();
      await service.close();
      assert.deepEqual(await stage.left(), []);
    },
  },
  {
    name: "ends at once when it is told to, however often",
    async run(stage) {
      const service = await stage.instance();
      await service.start();
      await service.destroy(new Error("not wanted"));
      await service.destroy(new Error("not wanted"));
      await service.close();
      assert.deepEqual(await stage.left(), []);
    },
  },
  {
    name: "ends with what it was made in, when nobody else ends it",
    async run(stage) {
      await (await stage.instance()).start();
    },
  },
];
