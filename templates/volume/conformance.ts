import { describe, it } from "node:test";
import { describeConformance } from "kata-ts/testing";
import { plugin } from "./index.js";

describeConformance({ describe, it }, plugin, {
  toml: "size_mib = 8",
  takes: () => [{ mount: { destination: "/data", type: "example" } }],
  leaves: () => [{ mount: { destination: "/data", type: "bind", source: "/tmp" } }],
});
