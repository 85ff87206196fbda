import { describe, it } from "node:test";
import { bundlePaths, describeConformance } from "kata-ts/testing";
import { plugin } from "./index.js";

describeConformance({ describe, it }, plugin, {
  takes: (place) => [{ mounts: [{ type: "example", source: bundlePaths(place).rootPath, target: "", options: [] }] }],
  leaves: () => [{ mounts: [] }, { mounts: [{ type: "ext4", source: "/dev/sdx", target: "", options: [] }] }],
});
