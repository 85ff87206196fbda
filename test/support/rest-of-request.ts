import type { VolumeRequest } from "../../src/core/contracts/volume.js";

/** What few volumes look at: no limits, no annotations, and an agent that can do nothing. */
export const restOfRequest: Pick<VolumeRequest, "agent" | "hugePageLimits" | "annotations"> = {
  agent: { name: "none", capability: () => undefined },
  hugePageLimits: [],
  annotations: {},
};
