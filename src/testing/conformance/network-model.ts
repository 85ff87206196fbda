import assert from "node:assert/strict";
import { join } from "node:path";
import type { NetworkJoin, NetworkModel } from "../../core/contracts/network-model.js";
import { closeFds } from "../../core/network/close-fds.js";
import { KataError } from "../../core/errors/error.js";
import type { Place, Subject, Trial } from "./check.js";
import { failureOf } from "./promises.js";
import { podNamespace } from "./pod-namespace.js";
import { refusals } from "./refusable.js";

const podLink = "eth0";

/** Puts the pod's link into its namespace. */
export function arrangePodLink(place: Place): void {
  place.sys.network.namespace(podNamespace(place)).add({ name: podLink }, "veth");
}

const wish = (place: Pick<Place, "directory">, more: Partial<NetworkJoin> = {}): NetworkJoin => ({
  namespace: podNamespace(place),
  podInterface: podLink,
  tap: "tap0_kata",
  queuePairs: 2,
  rates: { receive: 8_000_000, transmit: 8_000_000 },
  ...more,
});

type ModelTrial = Trial<Subject, NetworkModel>;

/** A trial of a model that gives machines cards. */
const ofAttaching = (name: string, run: ModelTrial["run"]): ModelTrial => ({
  name,
  run: async (stage) => {
    if ((await stage.instance()).attaches) await run(stage);
  },
});

export const networkModelTrials: readonly ModelTrial[] = [
  ofAttaching("joins a link with a card of as many queues as are asked for, and parts them", async (stage) => {
    const model = await stage.instance();
    const fds = await model.join(wish(stage));
    assert.equal(fds.length, 2, "descriptors, one for each queue pair");
    await closeFds(fds);
    await model.part(wish(stage));
    assert.deepEqual(await stage.left(), []);
  }),
  ofAttaching("parts what is not joined, more than once, and in a namespace that has nothing", async (stage) => {
    const model = await stage.instance();
    await model.part(wish(stage));
    await model.part(wish(stage, { namespace: join(stage.directory, "elsewhere") }));
    await model.part(wish(stage));
    assert.deepEqual(
      (await stage.left()).filter((line) => !line.includes("elsewhere")),
      [],
    );
  }),
  ofAttaching("says which link is not there", async (stage) => {
    const model = await stage.instance();
    const failure = await failureOf(model.join(wish(stage, { podInterface: "eth7" })));
    assert.ok(failure instanceof KataError, `it fails with ${String(failure)}`);
    assert.match(failure.message, /eth7/);
    await model.part(wish(stage, { podInterface: "eth7" }));
    assert.deepEqual(await stage.left(), []);
  }),
  ofAttaching("leaves nothing whichever call the kernel refuses", async (stage) => {
    for (const refuse of refusals(stage.sys)) {
      const { instance: model, scope } = await stage.make();
      const refusal = refuse();
      const fds = await model.join(wish(stage)).catch(() => []);
      refusal.end();
      await closeFds(fds);
      await model.part(wish(stage));
      await scope.close();
      assert.deepEqual(await stage.left(), [], `after ${refusal.refused ?? "no call"} was refused`);
    }
  }),
];
