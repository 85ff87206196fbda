import { plugin as cgroupV1 } from "../../src/plugins/cgroups/v1/index.js";
import { plugin as cgroupV2 } from "../../src/plugins/cgroups/v2/index.js";
import { type MatchedKind, matchScores } from "../../src/testing/index.js";
import { join } from "node:path";
import { endpoints } from "./subjects/endpoints.js";
import type { Held } from "./subjects/held.js";
import { rootFileSystems } from "./subjects/rootfs.js";
import { volumes } from "./subjects/volumes.js";

/** Those of version 1 are pretended in so far as it is seen that they are mounted. */
const cgroups: readonly Held<"cgroup">[] = [
  {
    plugin: cgroupV1,
    subject: {
      arrange: ({ directory, sys }) =>
        sys.mounts.mount({
          source: "cgroup",
          target: join(directory, "cgroup/memory"),
          type: "cgroup",
          data: "memory",
        }),
    },
  },
  { plugin: cgroupV2, subject: {} },
];

/** What the built-in plugins of a kind that is chosen by `match` give for what they take, by their names. */
export type Scores = ReadonlyMap<string, number>;

async function scoresOf<K extends MatchedKind>(held: readonly Held<K>[]): Promise<Scores> {
  const scores = new Map<string, number>();
  for (const { plugin, subject } of held) scores.set(plugin.name, Math.max(...(await matchScores(plugin, subject))));
  return scores;
}

/** All of them, as they are when the plugins are asked. */
export const builtinScores: { readonly [K in MatchedKind]: () => Promise<Scores> } = {
  endpoint: () => scoresOf(endpoints),
  rootfs: () => scoresOf(rootFileSystems),
  volume: () => scoresOf(volumes),
  cgroup: () => scoresOf(cgroups),
};
